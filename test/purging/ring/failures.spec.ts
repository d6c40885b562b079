import { expect, it } from 'vitest';
import { PageCacheService } from '../../../lib/index.js';
import { PendingPurges } from '../../../lib/purging/pending-purges.js';
import { type MemcachedServer, pageCacheMatchers } from '../../../lib/testing/index.js';
import { type RingSite, startRing } from '../../support/ring-site.js';
import { POSTS, PostsController } from './posts.controller.js';

expect.extend(pageCacheMatchers);

type Fate = (server: MemcachedServer, site: RingSite) => void | Promise<void>;

it.each<[string, Fate, Fate]>([
  ['stopped (SIGSTOP)', (server) => server.pause(), (server) => server.resume()],
  ['killed', (server) => server.kill(), (server) => server.restart()],
  ['cut off by the network', (_, { relay }) => relay!.cut(), (_, { relay }) => relay!.heal()],
])(
  'a server is %s: its pages are rendered, all others are hits, and it comes back without a purged page',
  async (_, end, begin) => {
    PostsController.version = 1;
    await using site = await startRing(
      { platform: 'fastify', controllers: [PostsController], logger: false },
      { relayed: 1, isPatient: false },
    );
    const hits = async (paths: readonly string[]) => {
      for (const path of paths) await expect.poll(() => site.get(path)).toBePageCacheHit();
    };
    await hits(POSTS);
    const gone = POSTS.filter((path) => site.placeOf(path) === 1);
    const others = POSTS.filter((path) => site.placeOf(path) !== 1);
    const before = await Promise.all([0, 2].map((place) => site.servers[place]!.keys()));
    await end(site.servers[1]!, site);
    PostsController.version = 2;
    const failure = site.app.get(PageCacheService).purgeTags('posts');
    await expect(failure).rejects.toMatchObject({ servers: [site.relay!.address] });
    for (const path of [...gone, ...gone]) {
      const answer = await site.get(path);
      expect(answer).toMatchObject({ code: 200, body: Buffer.from(`post ${path.slice(7)}, version 2`) });
      expect(answer.status).not.toMatch(/hit/);
    }
    await hits(others);
    // Nothing has come to a neighbour.
    const after = await Promise.all([0, 2].map((place) => site.servers[place]!.keys()));
    expect(after.map((keys) => keys.toSorted())).toEqual(before.map((keys) => keys.toSorted()));
    await begin(site.servers[1]!, site);
    await expect.poll(() => site.app.get(PendingPurges).size).toBe(0);
    for (const path of gone) expect((await site.get(path)).body.toString()).toContain('version 2');
    await hits(POSTS);
  },
);
