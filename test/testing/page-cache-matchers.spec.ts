import { describe, expect, it } from 'vitest';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import type { PageCacheMatchers } from '../../lib/testing/index.js';

declare module 'vitest' {
  // oxlint-disable-next-line no-explicit-any -- must repeat the declaration that it merges with
  interface Matchers<T = any> extends PageCacheMatchers {}
}

expect.extend(pageCacheMatchers);

const response = (...fields: string[]) =>
  new Response('', { headers: fields.map((field): [string, string] => ['Cache-Status', field]) });

describe('toBePageCacheHit', () => {
  it.each([
    ['nginx; hit'],
    ['nginx;hit'],
    ['"nginx";hit'],
    ['nestjs-nginx-cache; hit'],
    ['nestjs-nginx-cache; hit; ttl=30; detail="a, b; hit=?0"'],
    ['nestjs-nginx-cache; hit, nginx; fwd=miss'],
    ['nestjs-nginx-cache; fwd=miss; stored, nginx; hit'],
    ['nginx; hit, ExampleCDN; fwd=uri-miss'],
  ])('accepts %s', (field) => {
    expect(response(field)).toBePageCacheHit();
    expect(response(field)).not.toBePageCacheMiss();
    expect(response(field)).not.toBypassPageCache();
  });

  it.each([
    [''],
    ['nginx'],
    ['nginx; hit=?0'],
    ['nginx; fwd=miss; detail=hit'],
    ['nginx; fwd=miss; detail="x; hit"'],
    ['hit'],
    ['nestjs-nginx-cache; fwd=miss; stored'],
    ['nestjs-nginx-cache; fwd=bypass; detail=cookie'],
    ['nestjs-nginx-cache; fwd=miss, ExampleCDN; hit'],
  ])('refuses "%s"', (field) => {
    expect(response(field)).not.toBePageCacheHit();
    expect(() => expect(response(field)).toBePageCacheHit()).toThrow(
      `expected the response to be a page cache hit, but its Cache-Status is: ${field}`,
    );
  });

  it('reads repeated fields', () => {
    expect(response('nestjs-nginx-cache; fwd=miss', 'nginx; hit')).toBePageCacheHit();
    expect({ headers: { 'CACHE-STATUS': ['nestjs-nginx-cache; fwd=miss', 'nginx; hit'] } }).toBePageCacheHit();
  });
});

describe('toBePageCacheMiss', () => {
  it('accepts what had to be rendered, stored or not', () => {
    expect(response('nestjs-nginx-cache; fwd=miss; stored')).toBePageCacheMiss();
    expect(response('nestjs-nginx-cache; fwd=stale; detail=set-cookie')).toBePageCacheMiss();
    expect(response('nestjs-nginx-cache; fwd=miss; stored', 'nginx; fwd=bypass')).toBePageCacheMiss();
  });

  it('refuses everything else', () => {
    for (const field of ['', 'nginx; hit', 'nestjs-nginx-cache; fwd=bypass', 'CDN; fwd=miss']) {
      expect(response(field)).not.toBePageCacheMiss();
    }
    expect(() => expect(response('nginx; fwd=miss')).not.toBePageCacheMiss()).toThrow(/not to be a page cache miss/);
  });
});

describe('toBypassPageCache', () => {
  it('compares the detail, token or string', () => {
    expect(response('nestjs-nginx-cache; fwd=bypass; detail=cookie')).toBypassPageCache();
    expect(response('nestjs-nginx-cache; fwd=bypass; detail=cookie')).toBypassPageCache('cookie');
    expect(response('nestjs-nginx-cache; fwd=method; detail="not a \\"GET\\""')).toBypassPageCache('not a "GET"');
    expect(response('nestjs-nginx-cache; fwd=bypass; detail=cookie')).not.toBypassPageCache('query');
    expect(response('nestjs-nginx-cache; fwd=bypass')).not.toBypassPageCache('cookie');
    expect(response('nestjs-nginx-cache; fwd=miss; detail=cookie')).not.toBypassPageCache('cookie');
  });
});

describe('every matcher', () => {
  it('takes whatever has headers', () => {
    expect({ headers: new Headers({ 'cache-status': 'nginx; hit' }) }).toBePageCacheHit();
    expect({ headers: { 'cache-status': 'nginx; hit' } }).toBePageCacheHit();
    expect({ headers: [['Cache-Status', 'nginx; hit']] }).toBePageCacheHit();
    expect({ headers: {} }).not.toBePageCacheHit();
  });

  it('says what is wrong', () => {
    expect(() => expect(new Response('')).toBePageCacheHit()).toThrow(/but it has no Cache-Status/);
    expect(() => expect(Promise.resolve(response('nginx; hit'))).toBePageCacheHit()).toThrow(/forget to await/);
    expect(() => expect(undefined).toBePageCacheHit()).toThrow(/response with headers is needed/);
    for (const field of ['nginx; hit,', 'nginx hit', 'nginx; ', 'nginx; x=', 'nginx; detail="a', ', nginx; hit', '=']) {
      expect(() => expect({ headers: { 'cache-status': field } }).toBePageCacheHit()).toThrow(/malformed Cache-Status/);
    }
  });
});
