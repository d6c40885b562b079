import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NginxFlavour, PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { PendingPurges } from '../../../lib/purging/pending-purges.js';
import { pageCacheMatchers } from '../../../lib/testing/index.js';
import type { Platform } from '../../support/applications.js';
import { type RingSite, startRing } from '../../support/ring-site.js';
import { collect } from '../../stores/pages.js';
import { POSTS, PostsController } from './posts.controller.js';

expect.extend(pageCacheMatchers);

/** What a purge of each kind takes of the posts. */
const PURGES: [name: string, (pages: PageCacheService) => Promise<unknown>, takes: (path: string) => boolean][] = [
  ['purge()', (pages) => pages.purge('/posts/1', '/posts/2'), (path) => ['/posts/1', '/posts/2'].includes(path)],
  ['purgeExactly()', (pages) => pages.purgeExactly('/posts/3'), (path) => path === '/posts/3'],
  ['purgeUnder()', (pages) => pages.purgeUnder('/posts'), () => true],
  ['purgeMatching()', (pages) => pages.purgeMatching(/posts\/1\d/), (path) => /1\d$/.test(path)],
  ['purgeTags()', (pages) => pages.purgeTags('posts'), () => true],
  ['purgeAll()', (pages) => pages.purgeAll(), () => true],
];

const SITES: [Platform, NginxFlavour][] = [
  ['express', 'memcached'],
  ['fastify', 'srcache'],
  ['fastify', 'njs'],
];

async function stored(site: RingSite, paths = POSTS): Promise<void> {
  const isHit = async (path: string) => {
    await expect.poll(() => site.get(path)).toBePageCacheHit();
  };
  await Promise.all(paths.map(isHit));
}

describe('pages on three servers', () => {
  it.each(SITES)(
    'each is where nginx asks for it, and purges of each kind find it (%s, %s)',
    async (platform, flavour) => {
      PostsController.version = 1;
      await using site = await startRing({ platform, controllers: [PostsController], options: { nginx: { flavour } } });
      const pages = site.app.get(PageCacheService);
      await stored(site);
      const counts = await Promise.all(site.servers.map(async (server) => (await server.keys()).length));
      expect(counts).toEqual([0, 1, 2].map((place) => POSTS.filter((path) => site.placeOf(path) === place).length));
      expect(Math.min(...counts)).toBeGreaterThan(0);
      expect(await collect(pages.pages())).toHaveLength(POSTS.length);
      expect(await pages.has('/posts/1')).toBe(true);

      for (const [name, purge, takes] of PURGES) {
        PostsController.version += 1;
        const taken = POSTS.filter(takes);
        expect(await purge(pages), name).toMatchObject({ purged: taken.length });
        for (const path of taken) {
          expect((await site.get(path)).body.toString()).toContain(`version ${PostsController.version}`);
        }
        for (const path of POSTS.filter((one) => !takes(one))) expect(await site.get(path)).toBePageCacheHit();
        await stored(site);
      }
      PostsController.version += 1;
      expect(await pages.refresh('/posts/5')).toMatchObject({ published: ['/posts/5'] });
      expect((await site.get('/posts/5')).body.toString()).toContain(`version ${PostsController.version}`);
      expect(await site.get('/posts/5')).toBePageCacheHit();
    },
  );
});

describe('with one of three servers away', () => {
  let site: RingSite;
  let pages: PageCacheService;
  let pending: PendingPurges;
  /** Which server is away. */
  const AWAY = 1;
  const at = (place: number) => POSTS.filter((path) => site.placeOf(path) === place);
  beforeEach(async () => {
    PostsController.version = 1;
    site = await startRing(
      { platform: 'fastify', controllers: [PostsController], logger: false },
      { isPatient: false },
    );
    pages = site.app.get(PageCacheService);
    pending = site.app.get(PendingPurges);
    await stored(site);
  });
  afterEach(() => site?.[Symbol.asyncDispose]());

  it.each(PURGES)('%s names it, and is done on the others', async (name, purge, takes) => {
    site.servers[AWAY]!.pause();
    PostsController.version = 2;
    const failure = await purge(pages).then(
      () => undefined,
      (error: unknown) => error,
    );
    const taken = POSTS.filter(takes);
    // What is found by a list alone may be anywhere.
    const isNamed = name === 'purge()' || name === 'purgeExactly()';
    if (!isNamed || taken.some((path) => site.placeOf(path) === AWAY)) {
      expect(failure).toBeInstanceOf(PurgeIncompleteError);
      expect((failure as PurgeIncompleteError).servers).toEqual([site.servers[AWAY]!.address]);
      expect((failure as Error).message).toContain(`until ${site.servers[AWAY]!.address} acknowledges it`);
      expect(pending.size).toBe(1);
    } else {
      expect(failure).toBeUndefined();
      expect(pending.size).toBe(0);
    }
    for (const path of taken.filter((one) => site.placeOf(one) !== AWAY)) {
      expect((await site.get(path)).body.toString()).toContain('version 2');
    }
    site.servers[AWAY]!.resume();
    await expect.poll(() => pending.size).toBe(0);
    for (const path of taken) expect((await site.get(path)).body.toString()).toContain('version 2');
    await stored(site);
  });

  it('pages() gives the pages of the others, and then names it', async () => {
    await site.servers[AWAY]!.kill();
    const found: string[] = [];
    const failure = (async () => {
      for await (const { target } of pages.pages()) found.push(target);
    })();
    await expect(failure).rejects.toThrow(site.servers[AWAY]!.address);
    expect(found.toSorted()).toEqual([...at(0), ...at(2)].toSorted());
  });

  it('pages of the others are stored while its purge is pending, and its own are not', async () => {
    const [gone = ''] = at(AWAY);
    site.servers[AWAY]!.pause();
    await expect(pages.purge(gone)).rejects.toBeInstanceOf(PurgeIncompleteError);
    const [other = ''] = at(0);
    await pages.purge(other);
    await stored(site, [other]);
    site.log.forget();
    expect(await site.direct(gone)).toMatchObject({ code: 200 });
    expect(site.log.outcomes.get(gone)).not.toBe('stored');
    expect(pending.size).toBe(1);
    site.servers[AWAY]!.resume();
    await expect.poll(() => pending.size).toBe(0);
    await stored(site, [gone]);
  });
});
