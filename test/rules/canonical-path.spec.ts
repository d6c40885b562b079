import { describe, expect, it } from 'vitest';
import { canonicalPathRule, canonicalSegment, pathForms } from '../../lib/rules/canonical-path.rule.js';
import { decodedPath } from '../../lib/rules/request-head.js';
import { compile } from '../../lib/rules/rule.js';
import { requestTarget } from '../page/targets.js';
import { fc } from '../support/random.js';

const isAlias = compile(canonicalPathRule('allow'));
const isCanonical = (path: string) => !isAlias({ method: 'GET', target: path, headers: {} });
const utf8 = (bytes: string) => Buffer.from(bytes, 'latin1').toString('utf8');
const isUtf8 = (bytes: string) => Buffer.from(utf8(bytes), 'utf8').toString('latin1') === bytes;

/** Canonical paths that a router would get to see, with their number in all that were tried. */
const canonicalPaths = () =>
  fc
    .sample(requestTarget, { numRuns: 12_000 })
    .map((target) => target.split('?')[0] as string)
    .filter(isCanonical);

describe('the canonical form of a path', () => {
  it('is unique: decoded and encoded again, it is the same', () => {
    const paths = canonicalPaths().filter((path) => isUtf8(decodedPath(path)));
    expect(paths.length).toBeGreaterThan(2000);
    for (const path of paths) {
      const again = path
        .split('/')
        .map((segment) => canonicalSegment(utf8(decodedPath(segment))))
        .join('/');
      expect(again).toBe(path);
    }
  });

  it('is what a browser sends', () => {
    for (const path of canonicalPaths()) {
      // Browsers keep "%XX" as they find it; Node 20 does not encode "^" yet, the standard does since 2023.
      expect(new URL(`http://x${path}`).pathname).toBe(path);
    }
  });

  it('is what a browser makes of text, except where nginx or routers would take it apart', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((one) => !/\p{Cs}/u.test(one));
    fc.assert(
      fc.property(text, (segment) => {
        // oxlint-disable-next-line no-control-regex -- browsers encode or drop control bytes; they are never in a page
        if (/[\x00-\x1f/\\?#%]/.test(segment) || /^\.{0,2}$/.test(segment) || segment.trim() !== segment) return;
        const inBrowser = new URL(`http://x/${segment}`).pathname.slice(1).replaceAll('^', '%5E');
        expect(canonicalSegment(segment)).toBe(inBrowser);
        expect(isCanonical(`/${inBrowser}`)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    '',
    'about',
    '*',
    'http://x/',
    '//',
    '//about',
    '/a//b',
    '/.',
    '/..',
    '/./a',
    '/a/..',
    '/a/../b',
    '/a/./',
    '/%61bout',
    '/%7Ea',
    '/k%c3%a4se',
    '/k\xc3\xa4se',
    '/a%2Fb',
    '/a%2fb',
    '/a%5Cb',
    '/a\\b',
    '/a%00',
    '/a%0A',
    '/a b',
    '/a"b',
    '/a<b',
    '/a`b',
    '/a{b}',
    '/a^b',
    '/a#b',
    '/a%',
    '/a%2',
    '/a%zz',
    '/%2E',
    '/%2e%2e/',
    '/a\x7f',
  ])('is not %j', (path) => expect(isCanonical(path)).toBe(false));

  it.each([
    '/',
    '/about',
    '/about/',
    '/k%C3%A4se',
    '/a%20b',
    '/a%25b',
    '/a%3Fb',
    '/a%23b',
    '/a%22%3C%3E%5E%60%7B%7D%7Fb',
    "/!$&'()*+,-.0:;=@[]_a|~",
    '/...',
    '/.a',
    '/a.',
    '/..a',
    '/%FF',
  ])('is %j', (path) => expect(isCanonical(path)).toBe(true));
});

describe.each([
  ['forbid', { pages: ['/', '/a', '/a.b', '/a/b'], aliases: ['/a/', '/a/b/', '/a.b/'] }],
  ['require', { pages: ['/', '/a/', '/a/b/', '/feed.xml', '/a/feed.xml'], aliases: ['/a', '/a/b', '/a.b/c'] }],
  ['allow', { pages: ['/', '/a', '/a/', '/a/b', '/feed.xml'], aliases: ['//', '/a//'] }],
] as const)('a slash at the end: %s', (trailingSlash, { pages, aliases }) => {
  const bypasses = compile(canonicalPathRule(trailingSlash));
  const isPage = (path: string) => !bypasses({ method: 'GET', target: path, headers: {} });

  it('makes pages and aliases', () => {
    expect(pages.filter((path) => !isPage(path))).toEqual([]);
    expect(aliases.filter(isPage)).toEqual([]);
  });

  it('names forms of a path that are pages, and all of them', () => {
    for (const path of pages) expect(pathForms(path, trailingSlash), path).toContain(path);
    for (const path of ['/', '/a', '/a/', '/feed.xml', '/a.b/c', '/a/b/']) {
      expect(pathForms(path, trailingSlash).filter((form) => !isPage(form))).toEqual([]);
    }
  });
});
