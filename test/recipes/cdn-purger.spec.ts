import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { memoryStore, PageCacheService } from '../../lib/index.js';
import { startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { CdnPurger } from './cdn-purger.js';

const logger = new CollectedLogger();
const requests: unknown[] = [];
let status = 200;
beforeEach(() => {
  logger.lines.length = requests.length = 0;
  vi.stubGlobal('fetch', (_url: string, { body }: { body: string }) => {
    requests.push(JSON.parse(body));
    return Promise.resolve(new Response('{}', { status }));
  });
});
afterEach(() => vi.unstubAllGlobals());

it('hands on what was purged', async () => {
  const { app } = await startApplication({
    platform: 'express',
    options: { store: memoryStore(), hosts: ['example.com', 'example.org'] },
    providers: [CdnPurger],
    logger,
  });
  const pages = app.get(PageCacheService);

  await pages.purge('/', '/käse', 'https://example.org/x');
  expect(requests.splice(0)).toEqual([
    { files: ['https://example.com/', 'https://example.com/k%C3%A4se', 'https://example.org/x'] },
  ]);
  await pages.purge(...Array.from({ length: 31 }, (_, n) => `/${n}`));
  await vi.waitFor(() => expect(requests).toHaveLength(2), 60_000);
  expect(requests.splice(0)).toMatchObject([{ files: { length: 30 } }, { files: ['https://example.com/30'] }]);
  await pages.purgeTags('posts');
  await pages.purgeMatching(/x/);
  await pages.purgeUnder('/blog');
  expect(requests.splice(0)).toEqual([1, 2, 3].map(() => ({ purge_everything: true })));

  status = 500;
  await pages.purge('/a');
  await vi.waitFor(() => expect(logger.lines).toHaveLength(1), 60_000);
  expect(logger.lines).toEqual(['error Not purged from the CDN (500): {"files":["https://example.com/a"]}']);
  await app.close();
});
