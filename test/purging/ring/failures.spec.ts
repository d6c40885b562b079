import { expect, it } from 'vitest';
import { pageCacheMatchers } from '../../../lib/testing/index.js';
import { startRing } from '../../support/ring-site.js';
import { POSTS, PostsController } from './posts.controller.js';

expect.extend(pageCacheMatchers);

it.each([
  ['stopped (SIGSTOP)', 'pause', 'resume'],
  ['killed', 'kill', 'restart'],
] as const)('a server is %s: its pages are rendered, all others are hits, and it comes back', async (_, end, begin) => {
  PostsController.version = 1;
  await using site = await startRing(
    { platform: 'fastify', controllers: [PostsController], logger: false },
    { isPatient: false },
  );
  const hits = async (paths: readonly string[]) => {
    for (const path of paths) await expect.poll(() => site.get(path), { timeout: 20_000 }).toBePageCacheHit();
  };
  await hits(POSTS);
  const gone = POSTS.filter((path) => site.placeOf(path) === 1);
  const others = POSTS.filter((path) => site.placeOf(path) !== 1);
  const before = await Promise.all([0, 2].map((place) => site.servers[place]!.keys()));
  await site.servers[1]![end]();
  for (const path of [...gone, ...gone]) {
    const answer = await site.get(path);
    expect(answer).toMatchObject({ code: 200, body: Buffer.from(`post ${path.slice(7)}, version 1`) });
    expect(answer.status).not.toMatch(/hit/);
  }
  await hits(others);
  // Nothing has come to a neighbour.
  const after = await Promise.all([0, 2].map((place) => site.servers[place]!.keys()));
  expect(after.map((keys) => keys.toSorted())).toEqual(before.map((keys) => keys.toSorted()));
  await site.servers[1]![begin]();
  await hits(POSTS);
});
