import { describe, expect, it } from 'vitest';
import { markedPieces, pageFragment } from '../../lib/fragments/fragment-marker.js';
import { isPlace, NONCE, type PagePieces } from '../../lib/fragments/page-pieces.js';
import { fromSsi, toSsi, withoutNonces } from '../../lib/fragments/ssi-form.js';
import { fc } from '../support/random.js';

const ECHO = '<!--#echo var="page_cache_less_than" encoding="none" -->';

const piece = fc.oneof(
  fc.constantFrom('<', '<!', '<!-', '<!--', '<!--#', '#', '-->', '"', ECHO, '<!--#endblock -->', 'ö', '\r\n', '-', '!'),
  fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text).toString()),
);
const text = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));
const params = fc.dictionary(fc.stringMatching(/^[\w.-]{1,10}$/), fc.oneof(text, fc.integer(), fc.boolean()), {
  maxKeys: 3,
});
const marker = fc.tuple(fc.stringMatching(/^[a-z0-9][\w-]{0,10}$/), params, text).map(([name, values, fallback]) => {
  try {
    return pageFragment(name, values, { fallback });
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
});
const page = fc.array(fc.oneof(text, marker), { maxLength: 8 }).map((all) => Buffer.from(all.join('')));

/** Pieces of HTML side by side are one. */
function normal(pieces: PagePieces): unknown[] {
  const all: unknown[] = [];
  for (const one of pieces) {
    const before = all.at(-1);
    if (isPlace(one) || one === NONCE) all.push(one);
    else if (typeof before === 'string') all[all.length - 1] = before + one.toString('latin1');
    else if (one.length > 0) all.push(one.toString('latin1'));
  }
  return all;
}

describe('a marker', () => {
  it('stands for what pageFragment() was given, and for nothing that somebody has made of it', () => {
    const own = pageFragment('own', {}, { fallback: 'fallback' });
    expect(markedPieces(Buffer.from(own))).toEqual([{ address: '/.page-fragment/own', fallback: 'fallback' }]);
    const payload = Buffer.from(JSON.stringify({ address: '/.page-fragment/own', fallback: '<script>' }));
    const forged = own.replace(/[\w-]+(?=~)/, payload.toString('base64url'));
    expect(markedPieces(Buffer.from(forged))).toEqual([Buffer.from(forged)]);
  });
});

describe('the form in which a page with fragments is stored', () => {
  it('is the same page when it is read again', () => {
    fc.assert(
      fc.property(page, (body) => {
        const pieces = markedPieces(body);
        expect(normal(fromSsi(toSsi(pieces)))).toEqual(normal(pieces));
        const stored = pieces.map((one) => (isPlace(one) ? { ...one, stored: '/.page-fragment/shared/a/b:=2F' } : one));
        expect(normal(fromSsi(toSsi(stored)))).toEqual(normal(pieces));
      }),
    );
  });

  it('has a place for each nonce, whatever stands beside it', () => {
    const nonce = '0123456789abcdef'.repeat(2);
    fc.assert(
      fc.property(fc.array(fc.oneof(text, marker, fc.constant(nonce)), { maxLength: 8 }), (all) => {
        const pieces = withoutNonces(markedPieces(Buffer.from(all.join(''))), [nonce]);
        expect(pieces.filter((one) => one === NONCE)).toHaveLength(all.filter((one) => one === nonce).length);
        expect(normal(fromSsi(toSsi(pieces)))).toEqual(normal(pieces));
      }),
    );
  });

  it('has no directive but its own, and none right behind the beginning of one', () => {
    const own =
      /<!--#(?:echo var="page_cache_less_than" encoding="none"|block name="[fs][0-9a-f]{16}"|endblock|include virtual="[^"$\\<>]*"(?: stub="[fs][0-9a-f]{16}")?) -->/g;
    fc.assert(
      fc.property(page, (body) => {
        const stored = toSsi(markedPieces(body)).toString('latin1');
        const rest = stored.replace(own, '\0');
        expect(rest).not.toContain('<!--#');
        expect(rest).not.toMatch(/<(?:!-{0,2})?(?:\0|$)/);
      }),
    );
  });

  it('takes no longer for many of them', () => {
    const many = Buffer.from('<'.repeat(100_000));
    expect(toSsi([many]).toString()).toBe(ECHO.repeat(100_000));
  });

  it.each([
    ['user bar', {}],
    ['../user', {}],
    ['', {}],
    ['-x', {}],
    ['x'.repeat(41), {}],
    ['bar', { 'a b': 1 }],
    ['bar', { '"': 1 }],
    ['bar', { a: {} as string }],
    ['bar', { a: 'x'.repeat(1000) }],
  ])('has no place for a fragment %j with %j', (name, values) => {
    expect(() => pageFragment(name, values)).toThrow(/fragment/);
  });
});
