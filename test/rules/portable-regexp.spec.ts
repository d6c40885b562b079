import { describe, expect, it } from 'vitest';
import { COOKIE_NAME, PARAMETER_NAME, type Pattern, toRegExp, UnusablePatternError } from '../../lib/rules/pattern.js';
import { nameRegExp, portableRegExp } from '../../lib/rules/portable-regexp.js';
import { disagreements } from './nginx-patterns.js';
import { asciiSubject, regexp, subject } from './regexps.js';
import { fc, SEED } from '../support/random.js';

/** What `make` accepts; whatever it refuses, it refuses with a sentence. */
function accepted<T>(regexps: readonly RegExp[], make: (regexp: RegExp) => T): { regexp: RegExp; made: T }[] {
  return regexps.flatMap((one) => {
    try {
      return [{ regexp: one, made: make(one) }];
    } catch (error) {
      expect(error, String(one)).toBeInstanceOf(UnusablePatternError);
      expect((error as Error).message).toMatch(/^\S.* (?:is|can|cannot|matches|repeats)\b.*\w\)?$/);
      return [];
    }
  });
}

describe('portableRegExp', () => {
  const patterns = accepted(fc.sample(regexp, { numRuns: 4000 }), portableRegExp);

  it('is read alike by nginx and by JavaScript', async () => {
    expect(patterns.length).toBeGreaterThan(400);
    const subjects = fc.sample(subject, { numRuns: 600 });
    const wrong = await disagreements(
      patterns.map(({ made }) => made),
      subjects,
    );
    expect(wrong.slice(0, 10), `${wrong.length}, seed ${SEED}`).toEqual([]);
  });

  it('means what the regular expression means', () => {
    const subjects = fc.sample(asciiSubject, { numRuns: 600 });
    const wrong = patterns.flatMap(({ regexp: { source, flags }, made }) => {
      const original = new RegExp(source, flags.replace('g', ''));
      const rewritten = toRegExp(made);
      return subjects
        .filter((text) => original.test(text) !== rewritten.test(text))
        .map((text) => `${String(original)} became ${String(rewritten)}: not the same on ${text}`);
    });
    expect(wrong.slice(0, 10), `${wrong.length}, seed ${SEED}`).toEqual([]);
  });

  it('matches characters beyond ASCII as UTF-8', () => {
    const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
    expect(toRegExp(portableRegExp(/^\/käse?$/)).test(utf8('/käse'))).toBe(true);
    expect(toRegExp(portableRegExp(/^\/ä+$/)).test(utf8('/äää'))).toBe(true);
    expect(toRegExp(portableRegExp(/^\/😀+$/u)).test(utf8('/😀😀'))).toBe(true);
    expect(toRegExp(portableRegExp(/^\/\u{1F600}$/u)).test(utf8('/😀'))).toBe(true);
  });

  it.each([
    [/a/m, 'the flag m'],
    [/a/y, 'the flag y'],
    [/(?<=a)b/, '"(?<=a)" is read differently'],
    [/(?<!a)b/, '"(?<!a)"'],
    [/(a)\1/, '"\\1"'],
    [/(?<n>a)\k<n>/, '"\\k<n>"'],
    [/\s/, '\\s'],
    [/\p{L}/u, '\\p{L}'],
    [/[ä]/, 'ä'],
    [/ä/i, 'ä'],
    [/😀/, 'flag u'],
    [/a\?/, '?'],
    [/a{1001}/, '1000'],
    [/[^]/, '[^]'],
    // oxlint-disable-next-line no-empty-character-class -- JavaScript has it
    [/[]/, '[]'],
    [/\n/, '\\n'],
    [/(?=a)*/, '(?=a)*'],
  ])('refuses %s, naming what is wrong', (bad, named) => {
    expect(() => portableRegExp(bad)).toThrow(UnusablePatternError);
    expect(() => portableRegExp(bad)).toThrow(named);
  });
});

describe('nameRegExp', () => {
  it.each([
    [/^[!-~]*$/, 'a;sid'],
    [/^a[;]b/, 'a;b'],
    [/^a.*$/, 'a=b'],
    [/^a[^b]c/, 'a;c'],
  ])('%s stays inside a name', (regexp, more) => {
    expect(new RegExp(`^(?:${nameRegExp(regexp, COOKIE_NAME)})$`).test(more)).toBe(false);
  });
});

describe.each([
  ['a cookie', COOKIE_NAME],
  ['a parameter', PARAMETER_NAME],
])('nameRegExp, the name of %s', (_, scope) => {
  const patterns = accepted(fc.sample(regexp, { seed: SEED + 1, numRuns: 4000 }), (one) => nameRegExp(one, scope));

  it('is read alike by nginx and by JavaScript', async () => {
    expect(patterns.length).toBeGreaterThan(150);
    const wrong = await disagreements(
      patterns.map(({ made }): Pattern => ({ source: `^(?:${made})$`, ignoreCase: false })),
      fc.sample(subject, { numRuns: 300 }),
    );
    expect(wrong.slice(0, 10), `${wrong.length}, seed ${SEED}`).toEqual([]);
  });

  it('means what the regular expression means, and never runs over the end of the name', () => {
    const subjects = fc.sample(asciiSubject, { numRuns: 600 });
    const wrong = patterns.flatMap(({ regexp: { source, flags }, made }) => {
      const original = new RegExp(source, flags.replace('g', ''));
      const rewritten = new RegExp(`^(?:${made})$`);
      return subjects
        .filter((text) => {
          const isName = !Array.from(scope.delimiters).some((delimiter) => text.includes(delimiter));
          return rewritten.test(text) !== (isName && original.test(text));
        })
        .map((text) => `${String(original)} became ${String(rewritten)}: not the same on ${text}`);
    });
    expect(wrong.slice(0, 10), `${wrong.length}, seed ${SEED}`).toEqual([]);
  });
});
