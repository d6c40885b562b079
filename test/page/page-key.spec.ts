import { describe, expect, it } from 'vitest';
import type { NginxCacheOptions } from '../../lib/index.js';
import { isKeyTooLong, PageKeys, shortKeySources } from '../../lib/page/page-key.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { compile } from '../../lib/rules/rule.js';
import { ALLOWED, requestTarget } from './targets.js';
import { fc } from '../support/random.js';

describe('shortKeySources', () => {
  const short = (limit?: number) => {
    const regexps = shortKeySources(limit).map((source) => new RegExp(source));
    return (key: string) => regexps.some((regexp) => regexp.test(key));
  };

  it('agrees with isKeyTooLong', () => {
    const isShort = short();
    const piece = fc.tuple(fc.constantFrom('%', 'a', '%20', 'é'), fc.integer({ min: 0, max: 130 }));
    const aroundTheLimit = fc
      .tuple(fc.array(piece, { maxLength: 3 }), fc.integer({ min: -3, max: 3 }))
      .map(([pieces, off]) => {
        const start = pieces.map(([unit, times]) => unit.repeat(times)).join('');
        const weight = start.length + 2 * (start.split('%').length - 1);
        return start + 'x'.repeat(Math.max(start === '' ? 1 : 0, 250 - weight + off));
      });
    let long = 0;
    const keys = fc.sample(aroundTheLimit, { numRuns: 5000 });
    for (const key of keys) {
      if (isKeyTooLong(key)) long += 1;
      expect(isShort(key), `${key.length} ${key}`).toBe(!isKeyTooLong(key));
    }
    expect(long).toBeGreaterThan(1000);
    expect(keys.length - long).toBeGreaterThan(1000);
  });

  it('agrees with the definition on every key of a small limit', () => {
    const isShort = short(10);
    for (let percents = 0; percents <= 12; percents += 1) {
      for (let others = percents === 0 ? 1 : 0; others <= 12; others += 1) {
        const key = 'a'.repeat(others) + '%'.repeat(percents);
        expect(isShort(key), key).toBe(others + 3 * percents <= 10);
      }
    }
  });
});

describe('PageKeys', () => {
  const made = (options: NginxCacheOptions) => {
    const checked = checkOptions(options);
    return { keys: new PageKeys(checked), rules: checked.rules };
  };
  const hosts = ['example.com', 'www.example.com', '[::1]'];
  const sites = [
    { prefix: 'page:', query: { allow: ALLOWED } },
    { prefix: '', query: { allow: [] } },
    { prefix: 'a.b:', hosts, query: { allow: ALLOWED } },
    { prefix: '', hosts, query: { allow: ALLOWED } },
  ];

  it.each(sites)('parse() is the inverse of of(), with %j', (site) => {
    const { keys, rules } = made({ ...site, query: { ...site.query, ignore: ['utm_*'] } });
    const addressable = rules.addressable.map(compile);
    let pages = 0;
    fc.assert(
      fc.property(requestTarget, fc.constantFrom(...hosts), (target, host) => {
        const head = { method: 'GET', target, headers: { host } };
        if (addressable.some((bypasses) => bypasses(head))) return;
        pages += 1;
        const address = keys.of(head);
        expect(keys.parse(address.key)).toEqual(address);
        // The target of the address stands for the page as well.
        expect(keys.of({ ...head, target: address.target })).toEqual(address);
      }),
      { numRuns: 4000 },
    );
    expect(pages).toBeGreaterThan(500);
  });

  it('leaves keys of other sites alone', () => {
    const keys = made({ prefix: 'a:', hosts: ['example.com'] }).keys;
    for (const key of ['b:example.com/', 'a:/', 'a:other.example/', 'a:example.com', 'a:', '', 'aa:example.com/']) {
      expect(keys.parse(key), key).toBeUndefined();
    }
    const one = made({ prefix: 'a:' }).keys;
    for (const key of ['a:example.com/', 'a:', 'b:/']) expect(one.parse(key), key).toBeUndefined();
  });

  it('knows the page of a path on every host', () => {
    const keys = made({ prefix: 'a:', hosts: ['x.example', 'y.example'], query: { allow: ['page'] } }).keys;
    expect(keys.ofPath('/b').map(({ key }) => key)).toEqual(['a:x.example/b', 'a:y.example/b']);
    expect(keys.ofPath('/b', 'y.example').map(({ key }) => key)).toEqual(['a:y.example/b']);
  });

  it('writes allowed parameters in the order of the option', () => {
    const keys = made({ prefix: '', query: { allow: ['page', 'sort'] } }).keys;
    const targetOf = (target: string) => keys.of({ method: 'GET', target, headers: {} }).target;
    expect(targetOf('/a?sort=x&utm_a=b&page=2')).toBe('/a?page=2&sort=x');
    expect(targetOf('/a?xpage=1')).toBe('/a');
    expect(targetOf('/a?page=')).toBe('/a?page=');
    expect(targetOf('/a?')).toBe('/a');
  });
});
