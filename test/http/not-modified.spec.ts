import { describe, expect, it } from 'vitest';
import { isNotModified } from '../../lib/http/not-modified.js';
import type { HeaderField } from '../../lib/http/fields.js';

const MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT';
const page = (status: number, ...headers: HeaderField[]) => ({ status, headers, body: Buffer.from('x') });
const VALIDATED = page(200, ['etag', 'W/"a,b"'], ['LAST-MODIFIED', MODIFIED]);

describe('a page is not modified', () => {
  it.each([
    [{ 'if-none-match': '"a,b"' }, true],
    [{ 'if-none-match': 'W/"a,b"' }, true],
    [{ 'if-none-match': '"x", W/"a,b" , "y"' }, true],
    [{ 'if-none-match': ' * ' }, true],
    [{ 'if-none-match': '"a"' }, false],
    [{ 'if-none-match': 'a,b' }, false],
    [{ 'if-none-match': '' }, false],
    [{ 'if-none-match': '"x"', 'if-modified-since': MODIFIED }, false],
    [{ 'if-none-match': '"a,b"', 'if-modified-since': 'Sun, 06 Nov 1983 08:49:37 GMT' }, true],
    [{ 'if-modified-since': MODIFIED }, true],
    [{ 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, true],
    [{ 'if-modified-since': 'Sun, 06 Nov 1994 08:49:36 GMT' }, false],
    [{ 'if-modified-since': '2026-11-20' }, false],
    [{}, false],
  ])('for %o: %s', (request, expected) => {
    expect(isNotModified(VALIDATED, request)).toBe(expected);
  });

  it('only if it is a success', () => {
    for (const status of [301, 404, 410]) {
      expect(isNotModified({ ...VALIDATED, status }, { 'if-none-match': '*' })).toBe(false);
    }
  });

  it('only if its own validator says so', () => {
    expect(isNotModified(page(200), { 'if-none-match': '"x"' })).toBe(false);
    expect(isNotModified(page(200), { 'if-modified-since': MODIFIED })).toBe(false);
    expect(isNotModified(page(200, ['Last-Modified', 'x']), { 'if-modified-since': MODIFIED })).toBe(false);
  });
});
