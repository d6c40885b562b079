import { describe, expect, it } from 'vitest';
import { nameGlob, pathGlob } from '../../lib/rules/glob.js';
import { COOKIE_NAME, toRegExp, UnusablePatternError } from '../../lib/rules/pattern.js';
import { disagreements } from './nginx-patterns.js';
import { subject } from './regexps.js';
import { fc, SEED } from '../support/random.js';

const matches = (glob: string, path: string) =>
  toRegExp(pathGlob(glob)).test(Buffer.from(path, 'utf8').toString('latin1'));

describe('pathGlob', () => {
  it.each([
    ['/posts/*', ['/posts', '/posts/', '/posts/1', '/posts/1/2'], ['/', '/postsx', '/post', '/a/posts', '/Posts/1']],
    ['/posts', ['/posts'], ['/posts/', '/posts/1', '/postsx']],
    ['/*', ['/', '/a', '/a/b'], []],
    ['/', ['/'], ['/a', '//']],
    ['/a*', ['/a', '/ab', '/a/b'], ['/', '/b']],
    ['/*/edit', ['/a/edit', '/a/b/edit', '//edit'], ['/edit', '/a/edit/']],
    ['/a.b(c)|d+[e]^$', ['/a.b(c)|d+[e]^$'], ['/axb(c)|d+[e]^$']],
    ['/käse/*', ['/käse', '/käse/ä'], ['/kase']],
    ['/a b/*', ['/a b/c'], ['/a']],
  ])('%s', (glob, yes, no) => {
    expect(yes.filter((path) => !matches(glob, path))).toEqual([]);
    expect(no.filter((path) => matches(glob, path))).toEqual([]);
  });

  it('means the text itself where there is no star', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 8 })
      .filter((one) => !/\p{Cs}/u.test(one) && !/[*?#]/.test(one));
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(matches(`/${one}`, `/${one}`)).toBe(true);
        expect(matches(`/${one}`, `/${other}`)).toBe(one === other);
      }),
    );
  });

  it('means any characters by a star, wherever the text behind it occurs', () => {
    const text = (...pieces: string[]) =>
      fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((all) => `/${all.join('')}`);
    fc.assert(
      fc.property(text('*', '*', 'a', 'b', '/'), text('a', 'b', '/', 'ab'), (glob, path) => {
        const [, base = '', below = ''] = /^(.*?)(\/\*)?$/.exec(glob) ?? [];
        const plain = new RegExp(`^${base.replaceAll('*', '.*')}${below && '(?:/.*)?'}$`);
        expect(matches(glob, path)).toBe(plain.test(path));
      }),
      { numRuns: 2000 },
    );
  });

  it('is read alike by nginx and by JavaScript', async () => {
    const piece = fc.constantFrom(
      '*',
      '/',
      'a',
      'b',
      'x',
      '.',
      '"',
      '\\',
      '$',
      '{',
      '}',
      ';',
      '~',
      'ä',
      '(',
      '|',
      '/*',
    );
    const globs = fc.sample(fc.array(piece, { maxLength: 7 }), { numRuns: 800 });
    const patterns = globs.map((pieces) => pathGlob(`/${pieces.join('')}`));
    const subjects = fc.sample(subject, { numRuns: 400 });
    expect((await disagreements(patterns, subjects)).slice(0, 10), `seed ${SEED}`).toEqual([]);
  });

  it.each(['', 'posts', '*', '/a?b', '/a#b', 'http://x/'])('refuses %j', (glob) => {
    expect(() => pathGlob(glob)).toThrow(UnusablePatternError);
  });
});

describe('nameGlob', () => {
  const name = (glob: string) => new RegExp(`^(?:${nameGlob(glob, COOKIE_NAME)})$`);

  it('matches whole names', () => {
    expect(name('_ga_*').test('_ga_X')).toBe(true);
    expect(name('_ga_*').test('_ga')).toBe(false);
    expect(name('_ga').test('_gax')).toBe(false);
    expect(name('*').test('a;b')).toBe(false);
    expect(name('*').test('a=b')).toBe(false);
  });

  it.each(['', 'a=b', 'a;b', 'a b', 'a\tb'])('refuses %j', (glob) => {
    expect(() => nameGlob(glob, COOKIE_NAME)).toThrow(UnusablePatternError);
  });
});
