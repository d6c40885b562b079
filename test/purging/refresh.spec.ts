import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, NotFoundException, Param } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService, PageSkipped, PagesPurged, PageStored } from '../../lib/index.js';
import { memcachedStore, OnPageCache } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { patiently } from '../support/patience.js';
import { generator } from '../support/random.js';
import { answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class RefreshedController {
  static version = 0;
  static renders = 0;
  static rendering = 0;
  static mostAtOnce = 0;
  static gone = false;
  static wait = 0;
  /** Where renderings wait that begin now. */
  static gate: Gate | undefined;

  static reset() {
    Object.assign(RefreshedController, { version: 0, renders: 0, rendering: 0, mostAtOnce: 0, gone: false, wait: 0 });
    RefreshedController.gate = undefined;
  }

  @Get([':name', 'posts/:name'])
  @Header('content-type', 'text/html; charset=utf-8')
  async page(@Param('name') name: string) {
    const all = RefreshedController;
    all.renders += 1;
    all.rendering += 1;
    all.mostAtOnce = Math.max(all.mostAtOnce, all.rendering);
    const { version, wait, gate } = all;
    await delay(wait);
    await gate?.pass();
    all.rendering -= 1;
    if (all.gone) throw new NotFoundException();
    return `${name} ${version}`;
  }
}

class OutcomeLog {
  readonly outcomes: string[] = [];
  readonly purges: PagesPurged[] = [];

  @OnPageCache(PagesPurged)
  onPurged(event: PagesPurged) {
    this.purges.push(event);
    this.outcomes.push(`purged ${event.targets.join()}`);
  }

  @OnPageCache(PageStored)
  onStored({ address }: PageStored) {
    this.outcomes.push(`${address.target} stored`);
  }

  @OnPageCache(PageSkipped)
  onSkipped({ address, reason }: PageSkipped) {
    this.outcomes.push(`${address.target} ${reason}`);
  }
}

describe.each(PLATFORMS)('refresh() on %s', (platform) => {
  let site: Site;
  let pages: PageCacheService;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [RefreshedController],
      providers: [OutcomeLog],
      options: { query: { allow: ['page'] }, ttl: 0 },
    });
    pages = site.app.get(PageCacheService);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    RefreshedController.reset();
    await site.memcached.flush();
    site.app.get(OutcomeLog).outcomes.length = 0;
  });

  const stored = async (...targets: string[]) => {
    for (const target of targets) await expect.poll(() => site.get(target)).toBePageCacheHit();
    RefreshedController.renders = 0;
  };
  const text = async (target: string) => {
    const answer = await site.get(target);
    expect(answer).toBePageCacheHit();
    return answer.body.toString();
  };

  it('publish() covers every stored query, too', async () => {
    await stored('/a', '/a?page=2', '/b?page=2');
    RefreshedController.version = 1;
    expect(await pages.publish('/a')).toMatchObject({ published: ['/a'], purged: [], skipped: [], failed: [] });
    expect([await text('/a'), await text('/a?page=2'), await text('/b?page=2')]).toEqual(['a 1', 'a 1', 'b 0']);
    expect(RefreshedController.renders).toBe(2);
    await pages.publish('/b?page=3');
    expect([await text('/b'), await text('/b?page=3'), await text('/b?page=2')]).toEqual(['b 1', 'b 1', 'b 1']);
    expect(RefreshedController.renders).toBe(5);
  });

  it('publish() renders what a browser would ask for, and what else may be meant only if it is stored', async () => {
    await stored('/50%25', '/50%2525', '/who%3F');
    RefreshedController.version = 1;
    await pages.publish('/50%25');
    expect([await text('/50%25'), await text('/50%2525'), await text('/who%3F')]).toEqual([
      '50% 1',
      '50%25 1',
      'who? 0',
    ]);
    expect(await pages.publish('/who?')).toMatchObject({ published: ['/who', '/who%3F'] });
    await site.memcached.flush();
    expect(await pages.publish('/100%25')).toMatchObject({ published: ['/100%25'] });
  });

  it('nobody meets anything but a hit, with the old page or the new one', async () => {
    await stored('/a');
    let [running, visits] = [true, 0];
    const seen: number[] = [];
    const visitor = async () => {
      let last = 0;
      while (running) {
        const version = Number((await text('/a')).split(' ')[1]);
        expect(version).toBeGreaterThanOrEqual(last);
        last = version;
        visits += 1;
      }
      seen.push(last);
    };
    const failures: unknown[] = [];
    const visitors = Array.from({ length: 4 }, () => visitor().catch((error: unknown) => failures.push(error)));
    for (let version = 1; version <= 30; version += 1) {
      RefreshedController.version = version;
      RefreshedController.wait = version % 5;
      expect(await pages.refresh('/a')).toMatchObject({ published: ['/a'], purged: [], skipped: [] });
      expect(await text('/a')).toBe(`a ${version}`);
    }
    running = false;
    await Promise.all(visitors);
    expect(failures).toEqual([]);
    expect(visits).toBeGreaterThan(30);
    expect(RefreshedController.renders).toBe(30);
  });

  it('takes every stored query, and leaves alone what is not stored', async () => {
    await stored('/a', '/a?page=2', '/b');
    RefreshedController.version = 1;
    expect(await pages.refresh('/a', '/never')).toMatchObject({ published: ['/a'], purged: [], skipped: [] });
    expect(RefreshedController.renders).toBe(2);
    expect([await text('/a'), await text('/a?page=2'), await text('/b')]).toEqual(['a 1', 'a 1', 'b 0']);
    expect((await site.memcached.keys()).sort()).toEqual(['page:/a', 'page:/a?page=2', 'page:/b']);
  });

  it('tells caches farther out when the new page is there, stored or not before', async () => {
    await stored('/a');
    const { purges } = site.app.get(OutcomeLog);
    purges.length = 0;
    await pages.refresh('/a', '/never');
    expect(purges).toEqual([new PagesPurged(['/a', '/never'], 0, [{ path: '/a' }, { path: '/never' }])]);
    expect(site.app.get(OutcomeLog).outcomes.slice(-2)).toEqual(['/a stored', 'purged /a,/never']);
  });

  it('many at once are rendered one after the other, a few times at most', async () => {
    await stored('/a');
    RefreshedController.wait = 20;
    RefreshedController.version = 1;
    const first = pages.refresh('/a');
    await delay(10);
    RefreshedController.version = 2;
    const reports = await Promise.all([first, ...Array.from({ length: 50 }, () => pages.refresh('/a'))]);
    for (const report of reports) expect(report).toMatchObject({ published: ['/a'], purged: [] });
    expect(await text('/a')).toBe('a 2');
    expect(RefreshedController.mostAtOnce).toBe(1);
    expect(RefreshedController.renders).toBeLessThanOrEqual(5);
  });

  it('purges what is no page any more', async () => {
    await stored('/a');
    RefreshedController.gone = true;
    expect(await pages.refresh('/a')).toMatchObject({ published: [], purged: ['/a'] });
    expect(await site.memcached.keys()).toEqual([]);
    expect((await site.get('/a')).code).toBe(404);
  });

  it('a page that was being rendered before does not come to its place', async () => {
    const visit = await patiently(
      async () => {
        await site.memcached.flush();
        RefreshedController.reset();
        // A visitor has the old page rendered while it is stored.
        const gate = (RefreshedController.gate = new Gate());
        const old = answer(`http://${site.address}/a`);
        await gate.reached;
        RefreshedController.gate = undefined;
        await pages.publish('/a');
        RefreshedController.version = 1;
        await pages.refresh('/a');
        expect(await text('/a')).toBe('a 1');
        gate.open();
        return old;
      },
      ({ status }) => status,
    );
    expect(visit.body.toString()).toBe('a 0');
    await expect.poll(() => site.app.get(OutcomeLog).outcomes).toContain('/a purged');
    expect(await text('/a')).toBe('a 1');
  });

  it('a page that is not stored yet, but being rendered, is not kept', async () => {
    await patiently(
      async () => {
        const gate = (RefreshedController.gate = new Gate());
        const visit = answer(`${site.nginx.url}/a`);
        await gate.reached;
        Object.assign(RefreshedController, { version: 1, gate: undefined });
        await pages.refresh('/a');
        gate.open();
        return visit;
      },
      ({ status }) => status,
    );
    await expect.poll(() => site.app.get(OutcomeLog).outcomes).toContain('/a purged');
    expect(await site.memcached.keys()).toEqual([]);
  });
});

describe('two processes', () => {
  it('a page that one has been rendering does not come to the place of what the other has refreshed or published', async () => {
    await using site = await startSite({ platform: 'fastify', controllers: [RefreshedController] });
    const other = await startApplication({
      platform: 'fastify',
      controllers: [RefreshedController],
      providers: [OutcomeLog],
      options: { store: memcachedStore({ servers: site.memcached.address }) },
    });
    const pages = site.app.get(PageCacheService);
    for (const action of ['refresh', 'publish'] as const) {
      const log = other.app.get(OutcomeLog).outcomes;
      let [gap, old] = [0, 0];
      await patiently(
        async () => {
          await site.memcached.flush();
          RefreshedController.reset();
          log.length = gap = old = 0;
          const gate = (RefreshedController.gate = new Gate());
          const visit = answer(`${other.url}/a`);
          await gate.reached;
          RefreshedController.gate = undefined;
          await pages.publish('/a');
          RefreshedController.version = 1;
          expect(await pages[action]('/a')).toMatchObject({ published: ['/a'] });
          gate.open();
          let isBypassed = false;
          const end = visit.then(({ status }) => (isBypassed = status.includes('fwd=bypass')));
          while (!isBypassed && log.length === 0) {
            const { status, body } = await site.get('/a');
            if (!status.startsWith('nginx; hit')) gap += 1;
            if (body.toString() !== 'a 1') old += 1;
          }
          await end;
          return visit;
        },
        ({ status }) => status,
      );
      expect(log).toEqual(['/a purged']);
      expect({ gap, old }).toEqual({ gap: 0, old: 0 });
      await site.memcached.flush();
    }
    await other.app.close();
  });

  it('refresh the same page at once, and both promises are kept', async () => {
    await using site = await startSite({ platform: 'fastify', controllers: [RefreshedController] });
    const other = await startApplication({
      platform: 'fastify',
      controllers: [RefreshedController],
      options: { store: memcachedStore({ servers: site.memcached.address }) },
    });
    RefreshedController.reset();
    await expect.poll(() => site.get('/a')).toBePageCacheHit();
    const all = [site.app.get(PageCacheService), other.app.get(PageCacheService)];
    const random = generator();
    let [running, misses] = [true, 0];
    const visitor = (async () => {
      while (running) if (!(await site.get('/a')).status.startsWith('nginx; hit')) misses += 1;
    })();
    for (let version = 1; version <= 40; version += 1) {
      await Promise.all(
        all.map(async (pages, index) => {
          await delay(random() * 5);
          RefreshedController.version += 1;
          RefreshedController.wait = random() * 4;
          const promised = RefreshedController.version;
          const { published } = await pages.refresh('/a');
          expect([index, published]).toEqual([index, ['/a']]);
          expect(Number((await site.get('/a')).body.toString().split(' ')[1])).toBeGreaterThanOrEqual(promised);
        }),
      );
    }
    running = false;
    await visitor;
    expect(misses).toBe(0);
    await other.app.close();
  });
});
