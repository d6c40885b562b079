import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemcachedServer } from '../../../lib/testing/index.js';
import type { StalePages } from '../stale-pages.js';
import { type ShownPosts, startRecipe } from './recipe-application.js';

/** A database of posts, read and written through an ORM with its recipe. */
export interface PostsDatabase extends ShownPosts {
  /** A post whose title is its slug. */
  add(slug: string): Promise<unknown>;
  rename(slug: string, to: string): Promise<unknown>;
  remove(slug: string): Promise<unknown>;
  /** One statement for all posts. */
  retitleAll(title: string): Promise<unknown>;
  /** @param then what the transaction does after it has renamed the post */
  renameInTransaction(slug: string, to: string, then: () => Promise<void>): Promise<unknown>;
  isInTransaction(): boolean;
  /** Removes everything, and the recipe does not notice. */
  clear(): Promise<unknown>;
  close(): Promise<void>;
}

/** What every recipe for an ORM must do, whatever it purges to do it. Returns what a spec needs for tests of its own. */
export function itPurges<T extends PostsDatabase>(start: (stale: StalePages) => Promise<T>) {
  let memcached: MemcachedServer;
  let recipe: Awaited<ReturnType<typeof startRecipe>>;
  let posts: T;
  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    recipe = await startRecipe(memcached.address);
    posts = await start(recipe.stale);
    recipe.show(posts);
  });
  afterAll(async () => {
    await posts?.close();
    await recipe?.close();
    await memcached?.stop();
  });

  beforeEach(async () => {
    await posts.clear();
    await vi.waitFor(() => recipe.pages.purgeAll(), 60_000);
    recipe.purges.take();
  });

  /** A post, with its page and the list in the cache. */
  async function addCached(): Promise<void> {
    await posts.add('bees');
    recipe.purges.take();
    // The store has a deadline: a machine that is busy elsewhere may miss it.
    await vi.waitFor(async () => {
      expect(await recipe.get('/')).toBe('hit: Posts bees');
      expect(await recipe.get('/posts/bees')).toBe('hit: bees');
    }, 60_000);
  }

  describe('the pages', () => {
    it('of a list go when a post is added', async () => {
      await addCached();
      await posts.add('ants');
      expect(await recipe.get('/')).toBe('stored: Posts ants bees');
    });

    it('of the old slug go when a post is renamed', async () => {
      await addCached();
      await posts.rename('bees', 'wasps');
      expect(await recipe.get('/posts/bees')).toBe('404');
      expect(await recipe.get('/posts/wasps')).toBe('stored: bees');
      expect(await recipe.get('/')).toBe('stored: Posts bees');
    });

    it('of a post go when it is removed', async () => {
      await addCached();
      await posts.remove('bees');
      expect(await recipe.get('/posts/bees')).toBe('404');
      expect(await recipe.get('/')).toBe('stored: Posts');
    });

    it('of all posts go with a bulk write', async () => {
      await addCached();
      await posts.retitleAll('moths');
      expect(await recipe.get('/posts/bees')).toBe('stored: moths');
      expect(await recipe.get('/')).toBe('stored: Posts moths');
    });

    it('stay when a transaction is rolled back', async () => {
      await addCached();
      const failing = posts.renameInTransaction('bees', 'wasps', () => Promise.reject(new Error('no')));
      await expect(failing).rejects.toThrow('no');
      expect(recipe.purges.take()).toEqual([]);
      expect(await recipe.get('/posts/bees')).toBe('hit: bees');
      expect(await posts.bySlug('bees')).toBeTruthy();
    });

    it('go when a transaction is committed, and not before', async () => {
      await addCached();
      const moments: string[] = [];
      const spies = (['purge', 'purgeTags'] as const).map((method) => {
        const purge = recipe.pages[method].bind(recipe.pages) as (...what: unknown[]) => never;
        return vi.spyOn(recipe.pages, method).mockImplementation((...what: unknown[]) => {
          moments.push(posts.isInTransaction() ? 'too early' : 'committed');
          return purge(...what);
        });
      });
      try {
        await posts.renameInTransaction('bees', 'wasps', async () => {
          expect(posts.isInTransaction()).toBe(true);
          expect(recipe.purges.take()).toEqual([]);
          expect(await recipe.get('/posts/bees')).toBe('hit: bees');
        });
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
      expect(new Set(moments)).toEqual(new Set(['committed']));
      expect(await recipe.get('/posts/bees')).toBe('404');
      expect(await recipe.get('/posts/wasps')).toBe('stored: bees');
    });

    it('go later when the store is down, and the change is made all the same', async () => {
      await addCached();
      await memcached.kill();
      try {
        await posts.rename('bees', 'wasps');
        await posts.retitleAll('moths');
        expect(await posts.bySlug('wasps')).toMatchObject({ title: 'moths' });
        expect(recipe.purges.take()).toEqual([]);
      } finally {
        await memcached.restart();
      }
      const purged: string[] = [];
      await vi.waitFor(() => {
        purged.push(...recipe.purges.take());
        expect(purged).toEqual(expect.arrayContaining(['/', '/posts/wasps', expect.stringMatching(/^tag:/)]));
      }, 60_000);
    });
  });

  return {
    get posts() {
      return posts;
    },
    get recipe() {
      return recipe;
    },
  };
}
