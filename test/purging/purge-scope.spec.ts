import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InFlightPages } from '../../lib/purging/in-flight-pages.js';
import { concerns, describe as named, type PurgeScope, readScope, sizeOf } from '../../lib/stores/purge-scope.js';
import type { PageAddress } from '../../lib/page/page-key.js';

const PATHS = ['/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/k%C3%A4se'];
const HOSTS = ['one.example', 'two.example'];
const TAGS = ['x', 'y', 'post:1', 'ü "quoted"'];

const addresses: fc.Arbitrary<PageAddress> = fc
  .record({
    path: fc.constantFrom(...PATHS),
    host: fc.constantFrom(...HOSTS, undefined),
    query: fc.constantFrom('', '?page=2'),
  })
  .map(({ path, host, query }) => ({
    key: `page:${host ?? ''}${path}${query}`,
    path,
    target: path + query,
    host,
    variants: {},
  }));

const scopes: fc.Arbitrary<PurgeScope> = fc.oneof(
  fc.constant({ kind: 'all' as const }),
  fc.record({
    kind: fc.constant('paths' as const),
    paths: fc.array(fc.record({ path: fc.constantFrom(...PATHS), host: fc.constantFrom(...HOSTS, undefined) })),
  }),
  fc.record({ kind: fc.constant('keys' as const), keys: fc.array(addresses.map(({ key }) => key)) }),
  fc.record({ kind: fc.constant('under' as const), path: fc.constantFrom('', '/a', '/a/b', '/x') }),
  fc.record({
    kind: fc.constant('matching' as const),
    source: fc.constantFrom('^/a', 'B', '\\?page=', '[', '(?<!x'),
    flags: fc.constantFrom('', 'i', 'g', 'giy', '?'),
  }),
  fc.record({ kind: fc.constant('tags' as const), tags: fc.array(fc.constantFrom(...TAGS)) }),
);

/** Whether a purge takes a page, said in another way. */
function expected(scope: PurgeScope, { path, host, key, target }: PageAddress, tags: string[]): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'paths':
      return scope.paths.some((one) => one.path === path && [undefined, host].includes(one.host));
    case 'keys':
      return new Set(scope.keys).has(key);
    case 'under':
      return scope.path === '' || path === scope.path || path.slice(0, scope.path.length + 1) === `${scope.path}/`;
    case 'matching':
      try {
        return (
          target.search(new RegExp(scope.source, scope.flags.includes('?') ? '?' : scope.flags.replace(/[gy]/g, ''))) >=
          0
        );
      } catch {
        return true;
      }
    case 'tags':
      return scope.tags.filter((tag) => tags.includes(tag)).length > 0;
  }
}

describe('what a purge takes', () => {
  it('is the same for whoever reads it in the journal', () => {
    fc.assert(
      fc.property(scopes, addresses, fc.subarray(TAGS), (scope, address, tags) => {
        const read = readScope(JSON.stringify(scope));
        const taken = expected(scope, address, tags);
        expect(concerns(scope, address, new Set(tags))).toBe(taken);
        expect(concerns(read, address, new Set(tags))).toBe(taken);
        expect(named(read)).toEqual(named(scope));
        expect(sizeOf(read)).toBe(sizeOf(scope));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '',
    'x',
    'null',
    '[]',
    '7',
    '{}',
    '{"kind":"moon"}',
    '{"kind":"paths"}',
    '{"kind":"tags","tags":7}',
    '{"kind":"keys"}',
  ])('is everything when nobody understands it: %s', (entry) => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(concerns(readScope(entry), address, new Set())).toBe(true);
      }),
    );
  });

  it('is called by its paths', () => {
    const call = (scope: PurgeScope) => named(scope).join(' ');
    expect(call({ kind: 'all' })).toBe('/*');
    expect(call({ kind: 'under', path: '/blog' })).toBe('/blog/*');
    expect(call({ kind: 'under', path: '' })).toBe('/*');
    expect(call({ kind: 'matching', source: 'x', flags: 'i' })).toBe('/x/i');
    expect(call({ kind: 'tags', tags: ['a', 'b'] })).toBe('tag:a tag:b');
    expect(call({ kind: 'keys', keys: ['page:/x', 'page:h;lang=de/x?q=1'] })).toBe('/x /x?q=1');
    expect(call({ kind: 'paths', paths: [{ path: '/x' }, { path: '/x', host: 'h' }, { path: '/y' }] })).toBe('/x /y');
  });
});

describe('the pages in flight', () => {
  it('know of each purge since they began, and of no other', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ step: fc.constant('begin' as const), address: addresses }),
        fc.record({ step: fc.constant('end' as const), index: fc.nat() }),
        fc.record({ step: fc.constant('purge' as const), scope: scopes }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.subarray(TAGS), (all, tags) => {
        const inFlight = new InFlightPages();
        const pages: { page: ReturnType<InFlightPages['begin']>; address: PageAddress; purges: PurgeScope[] }[] = [];
        for (const one of all) {
          if (one.step === 'begin') pages.push({ page: inFlight.begin(one.address), address: one.address, purges: [] });
          else if (one.step === 'purge') {
            inFlight.purge(one.scope);
            for (const { purges } of pages) purges.push(one.scope);
          } else if (pages.length > 0) {
            const [{ page }] = pages.splice(one.index % pages.length, 1) as [(typeof pages)[number]];
            inFlight.end(page);
          }
          expect(inFlight.size).toBe(pages.length);
          for (const { page, address, purges } of pages) {
            expect(inFlight.purgesOf(page, new Set(tags))).toEqual(
              purges.filter((scope) => concerns(scope, address, new Set(tags))),
            );
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('take more for purged than was, when too much was purged to remember', () => {
    const inFlight = new InFlightPages();
    const address = { key: 'page:/a', path: '/a', target: '/a', host: undefined, variants: {} };
    const page = inFlight.begin(address);
    for (let index = 0; index < 1000; index += 1) inFlight.purge({ kind: 'under', path: `/other/${index}` });
    expect(inFlight.purgesOf(page, new Set())).toEqual([]);
    inFlight.purge({ kind: 'under', path: '/other' });
    expect(inFlight.purgesOf(page, new Set())).toEqual([{ kind: 'all' }]);
    expect(inFlight.purgesOf(inFlight.begin(address), new Set())).toEqual([]);
  });

  it('remember no more of a few large purges', () => {
    const inFlight = new InFlightPages();
    const address = { key: 'page:/a', path: '/a', target: '/a', host: undefined, variants: {} };
    const page = inFlight.begin(address);
    const large = Array.from({ length: 999 }, (_, index) => ({ path: `/other/${index}` }));
    inFlight.purge({ kind: 'paths', paths: large });
    expect(inFlight.purgesOf(page, new Set())).toEqual([]);
    inFlight.purge({ kind: 'paths', paths: large });
    expect(inFlight.purgesOf(page, new Set())).toEqual([{ kind: 'all' }]);
  });
});
