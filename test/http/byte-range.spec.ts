import { describe, expect, it } from 'vitest';
import { byteRange, hasRanges, requestedRange } from '../../lib/http/byte-range.js';
import type { HeaderField } from '../../lib/http/fields.js';
import { RANGES } from '../support/ranges.js';
import { fc } from '../support/random.js';

const page = (...headers: HeaderField[]) => ({ status: 200, headers });
const FIRST = { start: 0, end: 4 };

describe('a Range field (RFC 9110, section 14.2)', () => {
  it('means what its grammar says, for content of every length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }).chain((length) => fc.tuple(fc.constant(length), RANGES(length))),
        ([length, { field, wanted }]) => {
          expect([field, length, byteRange(field, length)]).toEqual([field, length, wanted]);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('that is anything else means nothing, and the part it means is never outside of the content', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'bytesBYTES=-,0123456789 \t;.+x'.split('')), maxLength: 20 });
    fc.assert(
      fc.property(
        fc.oneof(
          noise,
          noise.map((text) => `bytes=${text}`),
        ),
        fc.integer({ min: 1, max: 60 }),
        (text, length) => {
          const range = byteRange(text, length);
          if (!/^bytes=[\t ,]*(\d+-\d*|-\d+)[\t ,]*$/i.test(text)) expect(range).toBeUndefined();
          if (range === undefined || range === 'unsatisfiable') return;
          expect(range.start).toBeGreaterThanOrEqual(0);
          expect(range.end).toBeGreaterThan(range.start);
          expect(range.end).toBeLessThanOrEqual(length);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('takes numbers of every length', () => {
    const digits = '9'.repeat(400);
    expect(byteRange(`bytes=2-${digits}`, 10)).toEqual({ start: 2, end: 10 });
    expect(byteRange(`bytes=-${digits}`, 10)).toEqual({ start: 0, end: 10 });
    expect(byteRange(`bytes=${digits}-`, 10)).toBe('unsatisfiable');
    expect(byteRange(`bytes=${'0'.repeat(400)}2-3`, 10)).toEqual({ start: 2, end: 4 });
  });
});

describe('a part of a page', () => {
  it.each([
    ['without a condition', undefined, FIRST],
    ['if it is the page that the client has', '"a"', FIRST],
    ['unless it is another page', '"b"', undefined],
    ['unless that is only much like it', 'W/"a"', undefined],
    ['unless there are several', '"a", "a"', undefined],
    ['unless a date is all that is known of it', 'Sun, 06 Nov 1994 08:49:37 GMT', undefined],
  ])('is sent %s (RFC 9110, section 13.1.5)', (_, condition, expected) => {
    const headers: HeaderField[] = [
      ['etag', '"a"'],
      ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ];
    const request = { range: 'bytes=0-3', ...(condition && { 'if-range': condition }) };
    expect(requestedRange(page(...headers), request, 10)).toEqual(expected);
  });

  it('is not sent on the condition of a weak ETag', () => {
    const weak = page(['ETag', 'W/"a"']);
    expect(requestedRange(weak, { range: 'bytes=0-3', 'if-range': 'W/"a"' }, 10)).toBeUndefined();
    expect(requestedRange(weak, { range: 'bytes=0-3' }, 10)).toEqual(FIRST);
  });

  it('is not sent of what the application does not divide, nor of anything but a success', () => {
    expect(hasRanges(page())).toBe(true);
    expect(hasRanges(page(['accept-ranges', 'Bytes']))).toBe(true);
    expect(hasRanges(page(['Accept-Ranges', 'none']))).toBe(false);
    expect(hasRanges({ ...page(), status: 404 })).toBe(false);
    expect(requestedRange({ ...page(), status: 404 }, { range: 'bytes=0-3' }, 10)).toBeUndefined();
    expect(requestedRange(page(['Accept-Ranges', 'none']), { range: 'bytes=0-3' }, 10)).toBeUndefined();
    expect(requestedRange(page(), {}, 10)).toBeUndefined();
  });
});
