import { describe, expect, it } from 'vitest';
import { LocalJournal } from '../../lib/stores/journal/local-journal.js';
import { beginCheck, type PurgeCheck } from '../../lib/stores/journal/purge-check.js';
import {
  concerns,
  describe as named,
  type PurgeScope,
  readScope,
  sizeOf,
  writeScope,
} from '../../lib/stores/journal/purge-scope.js';
import type { PageAddress } from '../../lib/page/page-key.js';
import { fc } from '../support/random.js';

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
  fc.record({
    kind: fc.constant('targets' as const),
    targets: fc.array(addresses.map(({ target, host }) => ({ target, host }))),
  }),
  fc.record({ kind: fc.constant('under' as const), path: fc.constantFrom('', '/a', '/a/b', '/x') }),
  fc.record({
    kind: fc.constant('matching' as const),
    source: fc.constantFrom('^/a', 'B', '\\?page=', '[', '(?<!x'),
    flags: fc.constantFrom('', 'i', 'g', 'giy', '?'),
  }),
  fc.record({ kind: fc.constant('tags' as const), tags: fc.array(fc.constantFrom(...TAGS)) }),
);

/** Whether a purge takes a page, said in another way. */
function expected(scope: PurgeScope, { path, host, target }: PageAddress, tags: string[]): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'paths':
      return scope.paths.some((one) => one.path === path && [undefined, host].includes(one.host));
    case 'targets':
      return scope.targets.some((one) => one.target === target && [undefined, host].includes(one.host));
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

  it('is found without comparing each page with each of its paths', () => {
    let reads = 0;
    const counted = (name: string) =>
      Array.from({ length: 100 }, (_, number) =>
        Object.defineProperty({}, name, {
          get: () => {
            reads += 1;
            return `/${number}`;
          },
        }),
      );
    const all = [
      { kind: 'paths', paths: counted('path') },
      { kind: 'targets', targets: counted('target') },
    ] as unknown as PurgeScope[];
    for (const scope of all) {
      reads = 0;
      for (let number = 0; number < 200; number += 1) {
        const address = {
          key: `page:/${number}`,
          path: `/${number}`,
          target: `/${number}`,
          host: undefined,
          variants: {},
        };
        expect(concerns(scope, address)).toBe(number < 100);
      }
      expect(reads).toBeLessThan(1000);
    }
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
    '{"kind":"targets"}',
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
    expect(call({ kind: 'targets', targets: [{ target: '/x' }, { target: '/x?q=1', host: 'h' }] })).toBe('/x /x?q=1');
    expect(call({ kind: 'paths', paths: [{ path: '/x' }, { path: '/x', host: 'h' }, { path: '/y' }] })).toBe('/x /y');
  });
});

describe('a page that is being rendered', () => {
  const at = { key: 'page:/a', path: '/a', target: '/a', host: undefined, variants: {} };
  const begin = (journal: LocalJournal, address: PageAddress, renews = false) =>
    beginCheck(journal, address, { arrival: { position: journal.window.position, time: Date.now() }, renews });

  it('is kept out by each purge since it began, and by no other', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ step: fc.constant('begin' as const), address: addresses }),
        fc.record({ step: fc.constant('purge' as const), scope: scopes }),
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, fc.subarray(TAGS), async (all, tags) => {
        const journal = new LocalJournal();
        const pages: { check: PurgeCheck; address: PageAddress; purges: PurgeScope[] }[] = [];
        for (const one of all) {
          if (one.step === 'begin') {
            pages.push({ check: await begin(journal, one.address), address: one.address, purges: [] });
          } else {
            await journal.append(one.scope);
            for (const { purges } of pages) purges.push(one.scope);
          }
          for (const { check, address, purges } of pages) {
            const isPurged = purges.some((scope) => concerns(scope, address, new Set(tags)));
            expect(check.known(new Set(tags))).toBe(isPurged ? 'purged' : undefined);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is kept out when more was purged than is remembered', async () => {
    const journal = new LocalJournal();
    const check = await begin(journal, at);
    for (let index = 0; index < 20_000; index += 1) await journal.append({ kind: 'under', path: `/other/${index}` });
    expect(check.known(new Set())).toBeUndefined();
    await journal.append({ kind: 'under', path: '/other' });
    expect(check.known(new Set())).toBe('purges-unknown');
    expect((await begin(journal, at)).known(new Set())).toBeUndefined();
  });

  it('is not kept out by a purge before its request came in, by the clock of who wrote it', async () => {
    const journal = new LocalJournal();
    const arrival = { position: journal.window.position, time: Date.now() };
    journal.window.add({ time: arrival.time - 1, scope: { kind: 'all' } });
    const check = await beginCheck(journal, at, { arrival, renews: false });
    expect(check.known(new Set())).toBeUndefined();
    journal.window.add({ time: arrival.time - 1, scope: { kind: 'all' } });
    expect(check.known(new Set())).toBe('purged');
  });

  it('is kept out by what middleware may have read before its handler', async () => {
    const journal = new LocalJournal();
    const arrival = { position: journal.window.position, time: Date.now() };
    journal.window.add({ time: arrival.time, scope: { kind: 'all' } });
    const check = await beginCheck(journal, at, { arrival, renews: false });
    expect(check.known(new Set())).toBe('purged');
  });

  it('is rendered once more when somebody else refreshes it', async () => {
    const journal = new LocalJournal();
    const [renewed, visited] = [await begin(journal, at, true), await begin(journal, at)];
    await journal.append({ kind: 'paths', paths: [{ path: '/a' }], refresh: true });
    expect(renewed.known(new Set())).toBe('refreshed');
    expect(visited.known(new Set())).toBe('purged');
    await journal.append({ kind: 'all' });
    expect(renewed.known(new Set())).toBe('purged');
  });

  it('is kept out when entries may be missing, and while purges wait', async () => {
    const journal = new LocalJournal();
    const check = await begin(journal, at);
    journal.held = true;
    expect(check.known(new Set())).toBe('purge-pending');
    journal.held = false;
    expect(check.known(new Set())).toBeUndefined();
    journal.window.forget();
    expect(check.known(new Set())).toBe('purges-unknown');
  });
});

describe('a scope that is written down', () => {
  it('says the same in parts, none of them too long', () => {
    fc.assert(
      fc.property(
        scopes,
        addresses,
        fc.subarray(TAGS),
        fc.integer({ min: 300, max: 2000 }),
        (scope, address, tags, size) => {
          const parts = writeScope(scope, size);
          for (const part of parts) expect(part.length).toBeLessThanOrEqual(size);
          const read = parts.map(readScope);
          const isConcerned = (one: PurgeScope) => concerns(one, address, new Set(tags));
          if (isConcerned(scope)) expect(read.some(isConcerned)).toBe(true);
          if (read.every(({ kind }) => kind === scope.kind)) expect(read.some(isConcerned)).toBe(isConcerned(scope));
        },
      ),
      { numRuns: 300 },
    );
  });
});
