import { describe, expect, it } from 'vitest';
import type { HeaderField } from '../../lib/http/fields.js';
import { srcacheFormat } from '../../lib/page/srcache-format.js';

const page = (status: number, ...headers: HeaderField[]) => ({
  status,
  headers: [
    ['Content-Type', 'text/html'],
    ['ETag', '"a"'],
    ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ...headers,
  ] as HeaderField[],
  body: Buffer.from('content'),
});
const head = (stored: ReturnType<typeof srcacheFormat.encode>) => stored.bytes.toString('latin1').split('\r\n\r\n')[0];

describe('the format of srcache', () => {
  it('lets nginx divide a page, and is read without that', () => {
    const stored = srcacheFormat.encode(page(200, ['accept-ranges', 'bytes'], ['X-Own', 'yes']));
    expect(head(stored)).toMatch(/\r\nX-SRCache-Allow-Ranges: 1$/);
    // nginx says it itself.
    expect(head(stored)).not.toMatch(/accept-ranges/i);
    expect(srcacheFormat.decode(stored)).toEqual(page(200, ['X-Own', 'yes']));
  });

  it.each([
    ['is no success', page(404)],
    ['the application does not divide', page(200, ['Accept-Ranges', 'none'])],
  ])('does not for what %s', (_, given) => {
    const stored = srcacheFormat.encode(given);
    expect(head(stored)).not.toMatch(/srcache/i);
    expect(srcacheFormat.decode(stored)).toEqual(given);
  });

  it('reads nothing else', () => {
    expect(srcacheFormat.decode({ bytes: Buffer.from('<h1>a body</h1>'), flags: 0 })).toBeUndefined();
  });
});
