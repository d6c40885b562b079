import { Controller, Get, Header, Injectable, type INestApplication, Param } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { checkOptions } from '../../lib/configuration/check-options.js';
import {
  keyvStore,
  memoryStore,
  type NginxCacheOptions,
  OnPageCache,
  PageCache,
  PageCacheService,
  PageStored,
} from '../../lib/index.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import { startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { startFilesSite } from '../support/files-site.js';
import { patiently } from '../support/patience.js';
import { type Answer, answer, startSite } from '../support/site.js';

/** In milliseconds: such a page is not due before it has lived for half of it. */
const LONG = 8000;

@Controller()
class PageController {
  @Get('page/:id')
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(@Param('id') id: string): string {
    return `page ${id}`;
  }

  @Get('long/:id')
  @PageCache({ ttl: LONG })
  @Header('Content-Type', 'text/html; charset=utf-8')
  long(@Param('id') id: string): string {
    return `page ${id}`;
  }
}

/** How often each page was stored, and for whom. */
@Injectable()
class Stored {
  readonly #counts = new Map<string, number>();

  @OnPageCache(PageStored)
  onStored({ address, cause }: PageStored): void {
    const one = `${address.target} ${cause}`;
    this.#counts.set(one, (this.#counts.get(one) ?? 0) + 1);
  }

  count(target: string, cause: PageStored['cause']): number {
    return this.#counts.get(`${target} ${cause}`) ?? 0;
  }
}

interface Site extends AsyncDisposable {
  readonly app: INestApplication;
  get(target: string): Promise<Answer>;
}

const KINDS = ['memory', 'memcached', 'files'] as const;

async function start(kind: (typeof KINDS)[number], options: NginxCacheOptions): Promise<Site> {
  const setup = { platform: 'fastify' as const, controllers: [PageController], providers: [Stored], options };
  if (kind === 'memcached') return startSite(setup);
  if (kind === 'files') return startFilesSite(setup);
  const { app, url } = await startApplication({ ...setup, options: { ...options, store: memoryStore() } });
  return {
    app,
    get: (target) =>
      patiently(
        () => answer(url + target),
        ({ status }) => status,
      ),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

// They mostly wait, so all run at the same time.
describe.concurrent.each(KINDS)('refreshAhead, pages in %s', (kind) => {
  it('pages that visitors read are rendered again before they end, and the others end', async ({ expect }) => {
    await using site = await start(kind, { ttl: 3000, refreshAhead: { inactive: 0 } });
    const stored = site.app.get(Stored);
    const pages = site.app.get(PageCacheService);
    await site.get('/page/unread');
    // Without anybody who reads it, it is rendered again once at most: for who has read it after it was stored.
    await expect.poll(() => stored.count('/page/unread', 'visit')).toBe(1);
    await expect
      .poll(async () => {
        await site.get('/page/read');
        return stored.count('/page/read', 'refresh-ahead');
      })
      .toBeGreaterThan(2);
    expect(stored.count('/page/unread', 'refresh-ahead')).toBe(0);
    // Not by asking for it: that would be reading it.
    await expect.poll(() => listed(pages)).not.toContain('/page/unread');
    expect(stored.count('/page/unread', 'refresh-ahead')).toBe(0);
    // What nobody reads any more ends as well.
    await expect.poll(() => listed(pages)).toEqual([]);
  });

  it('purged pages are not rendered again', async ({ expect }) => {
    await using site = await start(kind, { ttl: 3000, refreshAhead: true });
    const stored = site.app.get(Stored);
    const pages = site.app.get(PageCacheService);
    const read = async (target: string) => {
      const before = stored.count(target, 'visit');
      await expect
        .poll(async () => {
          await site.get(target);
          return stored.count(target, 'visit');
        })
        .toBeGreaterThan(before);
      await site.get(target);
    };
    await read('/page/b');
    let target = '';
    let [began, purged] = [0, 0];
    do {
      began = Date.now();
      target = `/long/${began}`;
      await read(target);
      await pages.purge(target);
      purged = Date.now();
      // If this has taken long, the page may have been due: then its rendering may have begun before the purge.
    } while (purged - began > LONG / 2);
    // `inactive` keeps the other one, though nobody reads it any more.
    let since = 0;
    const kept = async () => {
      // On a busy machine, it may end before it is rendered again.
      if (!(await listed(pages)).includes('/page/b')) {
        for (const _ of ['miss', 'hit']) await site.get('/page/b');
        since = stored.count('/page/b', 'refresh-ahead');
      }
      return stored.count('/page/b', 'refresh-ahead') - since;
    };
    // The first rendering is for the visitor who has read it.
    await expect.poll(kept).toBeGreaterThan(1);
    await expect.poll(() => Date.now() - purged).toBeGreaterThan(LONG);
    expect(stored.count(target, 'refresh-ahead')).toBe(0);
    expect(await listed(pages)).not.toContain(target);
  });

  it('what visitors read is rendered again right after a purge, and nothing else', async ({ expect }) => {
    await using site = await start(kind, { ttl: 5000, refreshAhead: { afterPurge: 1 } });
    const stored = site.app.get(Stored);
    const pages = site.app.get(PageCacheService);
    const isKept = async (target: string) => {
      const before = stored.count(target, 'refresh-ahead');
      const read = async () => {
        await site.get(target);
        return stored.count(target, 'refresh-ahead');
      };
      await expect.poll(read).toBeGreaterThan(before);
    };
    /** A page that nobody has read since its last rendering keeps its place among those that were read. */
    const hasItsPlace = async (target: string) => {
      let since = stored.count(target, 'refresh-ahead');
      const renderings = async () => {
        // On a busy machine, it may end before it is rendered again.
        if (!(await listed(pages)).includes(target)) {
          for (const _ of ['miss', 'hit']) await site.get(target);
          since = stored.count(target, 'refresh-ahead');
        }
        return stored.count(target, 'refresh-ahead') - since;
      };
      await expect.poll(renderings).toBeGreaterThan(1);
    };
    await isKept('/page/one');
    await hasItsPlace('/page/one');
    await site.get('/page/unread');
    await isKept('/page/other');
    for (const purge of [() => pages.purgeUnder('/page'), () => pages.purge('/page/other')]) {
      const before = ['/page/one', '/page/other'].map((target) => stored.count(target, 'refresh-ahead'));
      await purge();
      // The one that was read last: there may be no more.
      await expect.poll(() => listed(pages)).toEqual(['/page/other']);
      expect(stored.count('/page/other', 'refresh-ahead')).toBeGreaterThan(before[1]!);
      expect(stored.count('/page/one', 'refresh-ahead')).toBe(before[0]);
    }
    expect(stored.count('/page/unread', 'refresh-ahead')).toBe(0);
  });
});

it('whoever reads a page after it was found to be due has read it, and it is kept', async () => {
  const { app, url } = await startApplication({
    platform: 'fastify',
    controllers: [PageController],
    providers: [Stored],
    options: { store: memoryStore(), ttl: 1000, refreshAhead: { inactive: 1000 } },
  });
  const stored = app.get(Stored);
  const storage = app.get(PageStorage);
  const uses = storage.uses.bind(storage);
  const visit = () => answer(`${url}/page/late`);
  // Later visitors come only at this moment, so nobody else keeps the page for longer than `inactive`.
  storage.uses = async function* (before) {
    for await (const page of uses(before)) {
      if (!page.isRead) await visit();
      yield page;
    }
  };
  const pages = app.get(PageCacheService);
  let since = 0;
  const renderedAhead = async () => {
    // On a busy machine, it may end before it is rendered again.
    if ((await listed(pages)).length === 0) {
      await visit();
      since = stored.count('/page/late', 'refresh-ahead');
    }
    return stored.count('/page/late', 'refresh-ahead') - since;
  };
  try {
    await expect.poll(renderedAhead).toBeGreaterThan(9);
  } finally {
    await app.close();
  }
});

it('the log says once that the rate is too low for the pages that visitors read', async () => {
  const logger = new CollectedLogger();
  const { app, url } = await startApplication({
    platform: 'express',
    controllers: [PageController],
    options: { store: memoryStore(), ttl: 1000, refreshAhead: { rate: 1 } },
    logger,
  });
  const lines = () => logger.lines.filter((line) => line.includes('refreshAhead'));
  const visitAll = async () => {
    for (let id = 0; id < 10; id += 1) await (await fetch(`${url}/page/${id}`)).text();
    return lines().length;
  };
  try {
    await expect.poll(visitAll).toBe(1);
    expect(lines()[0]).toMatch(/^warn refreshAhead cannot keep up: .*at most 1 pages per second: .*Reported once\.$/);
  } finally {
    await app.close();
  }
});

it('a store that does not know what is read is refused, and so are wrong options', () => {
  const check = (options: NginxCacheOptions) => () => checkOptions(options);
  expect(check({ store: keyvStore(new Map()), refreshAhead: true })).toThrow(/store: .*leave refreshAhead out/);
  expect(check({ refreshAhead: { rate: 0 } })).toThrow(/refreshAhead\.rate: .*a whole number of pages a second from 1/);
  expect(check({ refreshAhead: 1 as never })).toThrow(
    /refreshAhead: .*true, false, or \{ inactive, rate, afterPurge \}/,
  );
});

async function listed(pages: PageCacheService): Promise<string[]> {
  const targets: string[] = [];
  for await (const { target } of pages.pages()) targets.push(target);
  return targets;
}
