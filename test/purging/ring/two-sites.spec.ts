import { expect, it } from 'vitest';
import { PageCacheService } from '../../../lib/index.js';
import { pageCacheMatchers } from '../../../lib/testing/index.js';
import { type RingSite, startRing, startServers } from '../../support/ring-site.js';
import { collect } from '../../stores/pages.js';
import { POSTS, PostsController } from './posts.controller.js';

expect.extend(pageCacheMatchers);

it('two sites share three servers, and no purge of one touches the other', async () => {
  PostsController.version = 1;
  const servers = await startServers(3);
  const start = (prefix: string) =>
    startRing({ platform: 'fastify', controllers: [PostsController], logger: false, options: { prefix } }, { servers });
  try {
    await using one = await start('one:');

    await using two = await start('two:');
    const fill = async (site: RingSite) => {
      const isHit = async (path: string) => {
        await expect.poll(() => site.get(path)).toBePageCacheHit();
      };
      await Promise.all(POSTS.map(isHit));
    };
    await fill(two);
    const pages = one.app.get(PageCacheService);
    const purges = [
      () => pages.purge(...POSTS),
      () => pages.purgeUnder('/posts'),
      () => pages.purgeMatching(/posts/),
      () => pages.purgeTags('posts'),
      () => pages.purgeAll(),
    ];
    PostsController.version = 2;
    for (const purge of purges) {
      await fill(one);
      expect(await purge()).toMatchObject({ purged: POSTS.length });
      expect(await collect(pages.pages())).toEqual([]);
      for (const path of POSTS) {
        const answer = await two.get(path);
        expect(answer).toBePageCacheHit();
        expect(answer.body.toString()).toContain('version 1');
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
});
