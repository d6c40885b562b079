import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { HeaderField } from '../../lib/http/fields.js';
import type { Page } from '../../lib/page/page.js';
import { FIELD_MAX_LENGTH, HEAD_MAX_LENGTH, responseFormat } from '../../lib/page/response-format.js';
import { storedFields } from '../../lib/http/stored-fields.js';
import { fc } from '../support/random.js';

const { encode, decode } = responseFormat;

const byte = (allowed: (code: number) => boolean) =>
  fc
    .constantFrom(...Array.from({ length: 256 }, (_, code) => code).filter(allowed))
    .map((code) => String.fromCharCode(code));
const valueByte = byte((code) => code === 9 || (code >= 0x20 && code !== 0x7f));
const fieldValue = fc.oneof(
  fc.string({ unit: valueByte, maxLength: 30 }),
  fc.constantFrom(
    '',
    ' ',
    ': ',
    'a: b',
    'HTTP/1.1 200 OK',
    'END',
    'VALUE x 0 5',
    '\t"quoted, value"',
    'gzip',
    'caf\xe9',
  ),
);
const fieldName = fc.oneof(
  fc.constantFrom(
    'Content-Type',
    'Link',
    'LINK',
    'Vary',
    'vary',
    'ETag',
    'etag',
    'Last-Modified',
    'X_y',
    'Cache-Control',
  ),
  fc.string({ unit: fc.constantFrom(..."abcXYZ019-_!#$%&'*+.^`|~".split('')), minLength: 1, maxLength: 12 }),
);
const fields: fc.Arbitrary<HeaderField[]> = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 12 });
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .constantFrom(
      '',
      '\r\n\r\n',
      'HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n',
      '\r\nEND\r\n',
      'VALUE k 0 1\r\nx\r\nEND\r\n',
    )
    .map(Buffer.from),
);
const page: fc.Arbitrary<Page> = fc
  .record({ status: fc.integer({ min: 200, max: 599 }), headers: fields, body: content, packed: fc.boolean() })
  .map(({ status, headers, body, packed }) =>
    packed
      ? { status, headers, body: gzipSync(body), contentEncoding: 'gzip' }
      : { status, headers, body: Buffer.from(body) },
  );

/** The fields that were given, in their order, without those that were made. */
const given = (stored: Page, original: Page) => {
  const wanted = storedFields(original.headers);
  return stored.headers.filter((one) => wanted.some(([name, value]) => name === one[0] && value === one[1]));
};

describe('the response format', () => {
  it('gives back every page that it was given', () => {
    fc.assert(
      fc.property(page, (original) => {
        const value = encode(original);
        const stored = decode(value);
        expect(stored?.status).toBe(original.status);
        expect(stored?.contentEncoding).toBe(original.contentEncoding);
        expect(stored?.body.equals(original.body)).toBe(true);
        expect(given(stored!, original)).toEqual(storedFields(original.headers));
        expect(encode(stored!)).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('looks like a response, and has no line that was not asked for', () => {
    fc.assert(
      fc.property(page, (original) => {
        const { bytes, flags } = encode(original);
        const end = bytes.indexOf('\r\n\r\n');
        const [status, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
        expect(flags).toBe(0);
        expect(status).toMatch(new RegExp(`^HTTP/1\\.1 ${original.status} `));
        const made = lines.length - storedFields(original.headers).length;
        expect(made).toBeLessThanOrEqual(4);
        expect(bytes.subarray(end + 4).equals(original.body)).toBe(true);
      }),
    );
  });

  it('writes bytes, one for each character of a value', () => {
    const { bytes } = encode({ status: 200, headers: [['X-Name', 'caf\xe9']], body: Buffer.from('x') });
    expect(bytes.includes(Buffer.from('X-Name: caf\xe9\r\n', 'latin1'))).toBe(true);
  });

  it.each(['\r\n', '\n', '\r', '\0', 'a\r\nSet-Cookie: a=b', '\x7f', '\u0100', '\u560a'])(
    'refuses the value %j',
    (value) => {
      expect(() => encode({ status: 200, headers: [['X', value]], body: Buffer.from('x') })).toThrow(
        /not a valid header field/,
      );
    },
  );

  it.each(['', 'a b', 'a:', 'ü', 'a\r\nb'])('refuses the name %j', (name) => {
    expect(() => encode({ status: 200, headers: [[name, 'x']], body: Buffer.from('x') })).toThrow(
      /not a valid header field/,
    );
  });

  it('refuses what nginx could not read back', () => {
    const body = Buffer.from('x');
    const long = 'x'.repeat(FIELD_MAX_LENGTH - 'X: \r\n'.length);
    expect(encode({ status: 200, headers: [['X', long]], body }).bytes.length).toBeGreaterThan(FIELD_MAX_LENGTH);
    expect(() => encode({ status: 200, headers: [['X', `${long}x`]], body })).toThrow(/a X field of 4001 bytes/);
    const many = Array.from({ length: 5 }, (): HeaderField => ['X', long]);
    expect(() => encode({ status: 200, headers: many, body })).toThrow(new RegExp(`the limit is ${HEAD_MAX_LENGTH}`));
  });

  it('leaves out what belongs to one response and to one hop', () => {
    const headers: HeaderField[] = [
      ['Connection', 'X-Hop'],
      ['X-Hop', '1'],
      ['Content-Length', '5'],
      ['Transfer-Encoding', 'chunked'],
      ['Set-Cookie', 'a=b'],
      ['Age', '5'],
      ['Cache-Status', 'x'],
      ['X-Kept', '1'],
      ['Date', 'now'],
    ];
    const stored = decode(encode({ status: 200, headers, body: Buffer.from('x') }));
    expect(stored?.headers.map(([name]) => name)).toEqual(['X-Kept', 'Date', 'ETag']);
  });

  it('makes an ETag for a page that has none', () => {
    const body = Buffer.from('<h1>page</h1>'.repeat(100));
    const fieldsOf = (one: Page) => new Map(decode(encode(one))?.headers);
    const plain = fieldsOf({ status: 200, headers: [], body });
    const packed = fieldsOf({ status: 200, headers: [], body: gzipSync(body), contentEncoding: 'gzip' });
    expect(plain.get('ETag')).toMatch(/^"[\w-]{27}"$/);
    expect(packed.get('ETag')).toMatch(/^"[\w-]{27}"$/);
    expect(fieldsOf({ status: 200, headers: [], body: Buffer.from('other') }).get('ETag')).not.toBe(plain.get('ETag'));
    // When it was modified, whoever rendered it knows.
    expect(plain.has('Last-Modified')).toBe(false);
    expect(plain.has('Vary')).toBe(false);
    expect(packed.get('Vary')).toBe('Accept-Encoding');
    const own = fieldsOf({
      status: 200,
      headers: [
        ['etag', 'W/"1"'],
        ['LAST-MODIFIED', 'x'],
      ],
      body,
    });
    expect([...own]).toEqual([
      ['etag', 'W/"1"'],
      ['LAST-MODIFIED', 'x'],
    ]);
  });

  it.each([
    [['Vary', 'accept-encoding']],
    [['Vary', 'Accept-Language, Accept-Encoding']],
    [['Vary', '*']],
  ] as HeaderField[][])('adds no Vary to %j', (...headers) => {
    const stored = decode(encode({ status: 200, headers, body: gzipSync('x'), contentEncoding: 'gzip' }));
    expect(stored?.headers.filter(([name]) => name === 'Vary')).toEqual(headers);
  });

  it('puts its Vary behind the others', () => {
    const headers: HeaderField[] = [
      ['vary', 'Accept-Language'],
      ['X', '1'],
    ];
    const stored = decode(encode({ status: 200, headers, body: gzipSync('x'), contentEncoding: 'gzip' }));
    expect(stored?.headers.slice(0, 3)).toEqual([
      ['vary', 'Accept-Language'],
      ['vary', 'Accept-Encoding'],
      ['X', '1'],
    ]);
  });

  const whole = 'HTTP/1.1 200 OK\r\nETag: "1"\r\nLast-Modified: x\r\n';
  it.each([
    '',
    'x',
    '\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    '<h1>a body</h1>\r\n\r\n',
    whole,
    `${whole}\r`,
    ...['HTTP/1.0 200 OK', 'HTTP/1.1 99 OK', 'HTTP/1.1 600 OK', 'HTTP/1.1 200', ' HTTP/1.1 200 OK'].map(
      (line) => `${line}\r\nETag: "1"\r\nLast-Modified: x\r\n\r\nbody`,
    ),
    ...['no colon', ': no name', 'Name:no space', 'Na me: x', 'X: \0', 'X: \x7f', '\r', '\n'].map(
      (line) => `${whole}${line}\r\n\r\nbody`,
    ),
    ...['Set-Cookie: a=b', 'Content-Length: 4', 'Connection: close', 'Age: 5', 'Cache-Status: x'].map(
      (line) => `${whole}${line}\r\n\r\nbody`,
    ),
    ...['br', 'gzip, gzip', 'GZIP', ''].map((coding) => `${whole}Content-Encoding: ${coding}\r\n\r\n\x1f\x8bbody`),
    `${whole}Content-Encoding: gzip\r\n\r\nnot gzip`,
    `${whole}Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8bbody`,
  ])('does not take %j for a page', (value) => {
    expect(decode({ bytes: Buffer.from(value, 'latin1'), flags: 0 })).toBeUndefined();
  });

  it('does not take an item with the flags of another format for a page', () => {
    const { bytes } = encode({ status: 200, headers: [], body: Buffer.from('x') });
    expect(decode({ bytes, flags: 0 })).toBeDefined();
    for (const flags of [1, 2, 0xffff_ffff]) expect(decode({ bytes, flags })).toBeUndefined();
  });

  it('never throws, whatever it is given, and gives back what it takes', () => {
    const damaged = fc.tuple(page, fc.nat(400), fc.nat(255)).map(([original, at, value]) => {
      const bytes = Buffer.from(encode(original).bytes);
      bytes[at % bytes.length] = value;
      return bytes;
    });
    const cut = fc.tuple(page, fc.nat(400)).map(([original, length]) => encode(original).bytes.subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array().map(Buffer.from), damaged, cut), (bytes) => {
        const stored = decode({ bytes, flags: 0 });
        if (!stored) return;
        // There may be a Vary more, where the damage was in one.
        const again = encode({ ...stored, ...(stored.contentEncoding && { body: valid(stored.body) }) });
        expect(given(decode(again)!, stored)).toEqual(stored.headers);
      }),
      { numRuns: 3000 },
    );
  });
});

/** Gzip data that is damaged is found when it is unpacked. */
function valid(body: Buffer): Buffer {
  try {
    gunzipSync(body);
    return body;
  } catch {
    return gzipSync('x');
  }
}
