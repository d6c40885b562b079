import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CurrentPage,
  OnPageCache,
  PageCacheFailed,
  PageCacheService,
  type PageDraft,
  PageStored,
  PurgeIncompleteError,
} from '../../lib/index.js';
import { PendingPurges } from '../../lib/purging/pending-purges.js';
import { MemcachedServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { patiently } from '../support/patience.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

@Controller()
class VersionController {
  static version = 1;
  static gate: Promise<void> | undefined;
  static open: () => void;
  static waiting = false;

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  async post(@Param('id') id: string, @CurrentPage() page?: PageDraft) {
    page?.tag(`post:${id}`);
    VersionController.waiting = VersionController.gate !== undefined;
    await VersionController.gate;
    return `post ${id}, version ${VersionController.version}`;
  }
}

/** Every page that is stored, and how many purges were pending then. */
class StoredLog {
  static pendingPurges: () => number = () => 0;
  readonly stored: [path: string, pending: number][] = [];

  @OnPageCache(PageStored)
  onStored({ address }: PageStored) {
    this.stored.push([address.path, StoredLog.pendingPurges()]);
  }
}

class FailureLog {
  readonly failures: PageCacheFailed[] = [];

  @OnPageCache(PageCacheFailed)
  onFailed(failure: PageCacheFailed) {
    this.failures.push(failure);
  }
}

/** How a server is cut off, and how it comes back. */
const OUTAGES: [
  string,
  (server: MemcachedServer) => void | Promise<void>,
  (server: MemcachedServer) => void | Promise<void>,
][] = [
  ['stopped (SIGSTOP)', (server) => server.pause(), (server) => server.resume()],
  ['killed', (server) => server.kill(), (server) => server.restart()],
];

const PURGES: [string, (pages: PageCacheService) => Promise<unknown>, pending: string[]][] = [
  ['purge()', (pages) => pages.purge('/posts/1', '/posts/2'), ['/posts/1', '/posts/2']],
  ['purgeUnder()', (pages) => pages.purgeUnder('/posts'), ['/posts/*']],
  ['purgeMatching()', (pages) => pages.purgeMatching(/posts/i), ['/posts/i']],
  ['purgeTags()', (pages) => pages.purgeTags('post:1', 'post:2'), ['tag:post:1', 'tag:post:2']],
  ['purgeAll()', (pages) => pages.purgeAll(), ['/*']],
  ['refresh()', (pages) => pages.refresh('/posts/1'), ['/posts/1']],
];

describe.each(OUTAGES)('with memcached %s', (_, cutOff, bringBack) => {
  let site: Site;
  let pages: PageCacheService;
  let pending: PendingPurges;
  beforeEach(async () => {
    VersionController.version = 1;
    site = await startSite(
      {
        platform: 'fastify',
        controllers: [VersionController],
        providers: [StoredLog, FailureLog],
        // Copies and pages that are rendered ahead must not come back either.
        options: { staleWhileRevalidate: 600_000, staleIfError: 600_000, refreshAhead: { afterPurge: 10 } },
        logger: false,
      },
      {},
      { isPatient: false },
    );
    pages = site.app.get(PageCacheService);
    pending = site.app.get(PendingPurges);
    StoredLog.pendingPurges = () => pending.size;
  });
  afterEach(() => site?.stop());

  /** On a busy machine memcached may take longer than a visitor waits; then the page is not stored. */
  const stored = async (...paths: string[]) => {
    for (const path of paths) await expect.poll(() => site.get(path)).toBePageCacheHit();
  };

  it.each(PURGES)('%s says what is pending, and is done when it is back', async (_, purge, named) => {
    await stored('/posts/1', '/posts/2');
    await cutOff(site.memcached);
    VersionController.version = 2;
    const failure = await purge(pages).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(PurgeIncompleteError);
    expect((failure as PurgeIncompleteError).pending).toEqual(named);
    for (const path of named) expect((failure as Error).message).toContain(path);
    expect(pending.size).toBe(1);
    expect(site.app.get(FailureLog).failures).toContainEqual(expect.objectContaining({ operation: 'purge' }));
    // The site works, and shows what is true now.
    expect((await site.direct('/posts/1')).body.toString()).toBe('post 1, version 2');

    site.app.get(StoredLog).stored.length = 0;
    await bringBack(site.memcached);
    await expect.poll(() => pending.size).toBe(0);
    expect((await site.get('/posts/1')).body.toString()).toBe('post 1, version 2');
    for (const [, purges] of site.app.get(StoredLog).stored) expect(purges).toBe(0);
  });

  it('nothing is stored before the purge has been made up for', async () => {
    let refused = 0;
    // Once more where the retry was quicker than anybody could look.
    for (let round = 0; refused === 0 && round < 5; round += 1) {
      await cutOff(site.memcached);
      await expect(pages.purge('/posts/1')).rejects.toThrow(PurgeIncompleteError);
      // So long that a retry is a while away.
      await delay(1500);
      await bringBack(site.memcached);
      while (pending.size > 0) {
        site.log.forget();
        await site.direct('/posts/other');
        await delay(5);
        const outcome = site.log.outcomes.get('/posts/other');
        if (outcome === 'stored') expect(pending.size).toBe(0);
        else refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
    await stored('/posts/other');
  });

  it('more purges than anybody can remember become one of everything', async () => {
    const paths = Array.from({ length: 3 }, (_, index) => `/posts/${index}`);
    await stored(...paths);
    await cutOff(site.memcached);
    VersionController.version = 2;
    const many = Array.from({ length: 1001 }, (_, index) => `/other/${index}`);
    await expect(pages.purge(...many)).rejects.toMatchObject({ pending: many });
    expect(pending.size).toBe(1);
    // The server has not been told, and what is known locally is not more.
    await expect(pages.purge('/posts/0')).rejects.toMatchObject({ pending: ['/posts/0'] });
    await bringBack(site.memcached);
    await expect.poll(() => pending.size).toBe(0);
    for (const path of paths) expect((await site.get(path)).body.toString()).toContain('version 2');
  });
});

describe('a page that was rendered before the server was cut off', () => {
  it('is not stored when it is back', async () => {
    await using site = await startSite({ platform: 'fastify', controllers: [VersionController], logger: false });
    const server = site.memcached;
    const visit = async () => {
      server.resume();
      VersionController.gate = new Promise((open) => (VersionController.open = open));
      VersionController.waiting = false;
      const answer = site.direct('/posts/late');
      await expect.poll(() => VersionController.waiting).toBe(true);
      server.pause();
      VersionController.open();
      VersionController.gate = undefined;
      return answer;
    };
    expect((await patiently(visit, ({ status }) => status)).code).toBe(200);
    expect(await site.log.outcome('/posts/late')).toBe('purges-unknown');
    server.resume();
    expect(await server.keys()).toEqual([]);
  });
});

describe('on shutdown', () => {
  it.each([
    ['pending', true],
    ['under way', false],
  ])('a purge that is %s is reported', async (_, isPending) => {
    const site = await startSite({ platform: 'express', controllers: [VersionController], logger: false });
    const logger = new CollectedLogger();
    site.app.useLogger(logger);
    const pages = site.app.get(PageCacheService);
    site.memcached.pause();
    const purge = pages.purge('/posts/1', '/posts/2').catch((error: unknown) => error);
    if (isPending) await purge;
    await site.app.close();
    expect(await purge).toBeInstanceOf(PurgeIncompleteError);
    expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([
      `error Shutting down with 2 purges that ${site.memcached.address} has not acknowledged: /posts/1, /posts/2. ` +
        'Those pages may be served until their ttl is over: purge them again.',
    ]);
    site.memcached.resume();
    await site.stop();
  });
});
