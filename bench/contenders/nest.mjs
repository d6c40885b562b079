// What answers without nginx: Nest alone, with its own CacheInterceptor, and with this module's pages in memory.
import { startNest } from '../support/nest-app.mjs';

const KINDS = [
  ['CacheInterceptor', 'interceptor', 'https://docs.nestjs.com/techniques/caching#auto-caching-responses'],
  ['memoryStore()', 'module', 'docs/stores.md'],
  ['Nest alone', undefined, 'https://docs.nestjs.com/first-steps'],
];

/** @param {'express' | 'fastify'} platform */
export function nestsOn(platform) {
  return KINDS.map(([name, cache, source]) => ({
    name,
    by: 'Node',
    source,
    programs: [],
    caches: cache !== undefined,
    async start() {
      const nest = await startNest({ platform, cache });
      return {
        url: nest.url,
        processes: () => ({ node: nest.pid }),
        renders: async () => (await nest.stats()).renders,
        stop: nest.stop,
      };
    },
  }));
}
