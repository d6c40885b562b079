import { describe, expect, it } from 'vitest';
import { foreignCookieRule, type NamePattern, sessionCookieRule } from '../../lib/rules/cookie.rule.js';
import { pathGlob } from '../../lib/rules/glob.js';
import { type Pattern, toRegExp } from '../../lib/rules/pattern.js';
import { type AllowedParameter, queryRule } from '../../lib/rules/query.rule.js';
import type { Rule } from '../../lib/rules/rule.js';
import { fc, SEED } from '../support/random.js';
import { disagreements } from './nginx-patterns.js';

const NAMES: NamePattern[] = ['a', 'b', '*', 'a*', '*a', 'a*b*', '*ab*b', /a/, /^a/, /b$/, /^ab?$/, /x?/, /a.b/];
const VALUES = [/a/, /^a$/, /^[^a]/, /a|^b/];

const names = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 });
const parameters: fc.Arbitrary<AllowedParameter[]> = fc.uniqueArray(
  fc
    .record({ name: fc.constantFrom('a', 'b', 'ab') })
    .chain(({ name }) => fc.constantFrom(...VALUES.map((values) => ({ name, values })), { name })),
  { maxLength: 2, selector: ({ name }) => name },
);
const text = (...pieces: string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((all) => all.join(''));
const cookies = text('a', 'b', 'ab', 'x', '=', ';', '; ', ' ', '\t', '\xa0');
const query = text('a', 'b', 'ab', 'a=', 'b=a', '=', '&', '&a=', '#', '%20', '%2e', '?');

const patternOf = ({ tests: [only] }: Rule): Pattern => only!.pattern;
const matches = (rule: Rule, subject: string) => toRegExp(patternOf(rule)).test(subject);

/** Whether a pattern means a name, without a walk through a field. */
function isOne(name: string, patterns: readonly NamePattern[]): boolean {
  if (/[\t =;]/.test(name)) return false;
  return patterns.some((one) => (typeof one === 'string' ? isLike(one, name) : one.test(name)));
}

function isLike(glob: string, name: string): boolean {
  if (glob === '') return name === '';
  if (glob[0] !== '*') return glob[0] === name[0] && isLike(glob.slice(1), name.slice(1));
  return Array.from({ length: name.length + 1 }, (_, skipped) => name.slice(skipped)).some((rest) =>
    isLike(glob.slice(1), rest),
  );
}

const trimmed = (part: string) => part.replace(/^[\t ]+|[\t ]+$/g, '');
const nameOf = (part: string) => part.split('=')[0] ?? '';

function allIgnored(field: string, ignored: readonly NamePattern[]): boolean {
  const pairs = field.split(';').filter((pair) => trimmed(pair) !== '');
  return pairs.every((pair) => isOne(trimmed(nameOf(pair)), ignored));
}

/** With each number of spaces trimmed at both ends, so as any parser does it. */
function hasSession(field: string, session: readonly NamePattern[]): boolean {
  return field.split(';').some((pair) => {
    const name = nameOf(pair);
    const before = name.length - name.replace(/^[\t \xa0]+/, '').length;
    const after = name.length - name.replace(/[\t \xa0]+$/, '').length;
    for (let start = 0; start <= before; start++) {
      for (let end = 0; end <= after; end++) {
        if (start + end <= name.length && isOne(name.slice(start, name.length - end), session)) return true;
      }
    }
    return false;
  });
}

function isCacheable(given: string, allow: readonly AllowedParameter[], ignore: readonly NamePattern[]): boolean {
  const parts = given === '' ? [] : given.split('&');
  if (parts.at(-1) === '' || given.includes('#')) return false;
  if (allow.some(({ name }) => parts.filter((part) => part.startsWith(`${name}=`)).length > 1)) return false;
  return parts.every((part) => {
    const value = part.slice(nameOf(part).length + 1);
    // Of the pieces above, only this one is not in normal form.
    const isNormal = !value.includes('%2e');
    const isAllowed = allow.some(
      ({ name, values }) => part.startsWith(`${name}=`) && isNormal && (values?.test(value) ?? true),
    );
    return isAllowed || isOne(nameOf(part), ignore);
  });
}

describe('the rules for names', () => {
  it('mean what a parser would read', () => {
    fc.assert(
      fc.property(names, cookies, (ignored, field) => {
        expect(matches(foreignCookieRule(ignored), field)).toBe(allIgnored(field, ignored));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), cookies, (session, field) => {
        expect(matches(sessionCookieRule([session]), field)).toBe(hasSession(field, [session]));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(parameters, names, query, (allow, ignore, given) => {
        expect(matches(queryRule(allow, ignore), given)).toBe(isCacheable(given, allow, ignore));
      }),
      { numRuns: 3000 },
    );
  });

  it('are read alike by nginx and by JavaScript', async () => {
    const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.sample(arbitrary, { numRuns: 60 });
    const patterns = [
      ...some(names).map(foreignCookieRule),
      ...NAMES.map((name) => sessionCookieRule([name])),
      ...some(fc.tuple(parameters, names)).map((both) => queryRule(...both)),
    ].map(patternOf);
    // nginx takes the spaces around the value of a field away, and tries no pattern on an empty one.
    const subjects = fc
      .sample(fc.oneof(cookies, query), { numRuns: 400 })
      .map(trimmed)
      .filter((one) => one !== '');
    expect((await disagreements(patterns, subjects)).slice(0, 10), `seed ${SEED}`).toEqual([]);
  });
});

/** Each of them took minutes or forever, and nginx gave up with an alert. */
const HARD: [what: string, pattern: Pattern, subject: string][] = [
  ['ignored cookies that overlap', patternOf(foreignCookieRule(['_ga', '_g*'])), `${'_ga=1; '.repeat(1000)}z=1`],
  ['an expression for ignored cookies', patternOf(foreignCookieRule([/a/])), `${'aaaa=1; '.repeat(900)}z=1`],
  ['a name that may be empty', patternOf(foreignCookieRule([/x?/])), `${';'.repeat(4000)}z z`],
  [
    'a session cookie among spaces',
    patternOf(sessionCookieRule([/sess/])),
    `a;${'\xa0'.repeat(3000)}sess${'\xa0'.repeat(3000)} x`,
  ],
  ['ignored parameters that overlap', patternOf(queryRule([], [/^utm_/, 'utm_*'])), `${'utm_a=1&'.repeat(900)}z`],
  ['stars in a name', patternOf(foreignCookieRule(['*a*a*a*a*a'])), `${'a'.repeat(7000)}z`],
  ['stars in a path', pathGlob('/*/*/*/*/edit'), '/a'.repeat(3500)],
];

describe('patterns', () => {
  it.each(HARD)('do not try everything again: %s', (_, pattern, subject) => {
    expect(toRegExp(pattern).test(subject)).toBe(false);
  });

  it('do not make nginx give up', async () => {
    const all = HARD.map(([, pattern]) => pattern);
    const subjects = HARD.map(([, , subject]) => subject);
    // Throws if there is an alert in the log.
    expect(await disagreements(all, subjects)).toEqual([]);
  });
});
