import type { ByteRange } from '../../lib/http/byte-range.js';
import { fc } from './random.js';

/** A `Range` field, and what of the content it asks for: `undefined` is all of it. */
export interface RangeField {
  readonly field: string;
  readonly wanted: ByteRange | 'unsatisfiable' | undefined;
  /** Whether nginx must agree: to it, all that is no range cannot be satisfied, and several ranges have an answer of their own. */
  readonly isCommon: boolean;
}

const UNIT = fc.constantFrom('bytes', 'Bytes', 'BYTES');
const SPACE = fc.constantFrom('', '', ' ', '  ');
const ZEROS = fc.constantFrom('', '', '0', '00');

/** The grammar of RFC 9110, sections 14.1.1, 14.1.2 and 14.2, for content of some length. */
export function RANGES(length: number): fc.Arbitrary<RangeField> {
  const position = fc.oneof(
    fc.integer({ min: 0, max: length + 3 }),
    fc.constantFrom(0, length - 1, length, length + 1, 10 ** 12),
  );
  const digits = fc.tuple(ZEROS, position).map(([zeros, number]) => ({ text: zeros + number, number }));
  const one = fc.oneof(
    fc.tuple(digits, digits).map(([first, last]) => ({
      text: `${first.text}-${last.text}`,
      wanted: last.number < first.number ? undefined : part(first.number, last.number, length),
      isRange: last.number >= first.number,
    })),
    digits.map(({ text, number }) => ({ text: `${text}-`, wanted: part(number, length, length), isRange: true })),
    digits.map(({ text, number }) => ({
      text: `-${text}`,
      wanted: number === 0 ? ('unsatisfiable' as const) : part(Math.max(0, length - number), length, length),
      isRange: true,
    })),
  );
  const single = fc.tuple(UNIT, SPACE, one, SPACE).map(([unit, before, { text, wanted, isRange }, after]) => ({
    field: `${unit}=${before}${text}${after}`,
    wanted,
    isCommon: isRange,
  }));
  const ignored = fc.oneof(
    fc.array(one, { minLength: 2, maxLength: 4 }).map((all) => `bytes=${all.map(({ text }) => text).join(', ')}`),
    one.map(({ text }) => `items=${text}`),
    one.map(({ text }) => text),
    one.map(({ text }) => `bytes ${text}`),
    one.map(({ text }) => `bytes=${text.replace('-', '')}`),
    one.map(({ text }) => `bytes=x${text}`),
    fc.constantFrom(
      '',
      'bytes',
      'bytes=',
      'bytes=-',
      'bytes=,',
      'bytes=--1',
      'bytes=1--2',
      'bytes=0x1-2',
      'bytes=1.0-2',
    ),
  );
  const listed = one.map(({ text, wanted }) => ({ field: `bytes=, ${text} ,`, wanted, isCommon: false }));
  return fc.oneof(
    { arbitrary: single, weight: 4 },
    { arbitrary: listed, weight: 1 },
    { arbitrary: ignored.map((field) => ({ field, wanted: undefined, isCommon: false })), weight: 2 },
  );
}

function part(first: number, last: number, length: number): ByteRange | 'unsatisfiable' {
  return first >= length ? 'unsatisfiable' : { start: first, end: Math.min(last + 1, length) };
}
