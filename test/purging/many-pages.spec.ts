import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { memoryStore, PageCacheService } from '../../lib/index.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import { page } from '../stores/pages.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { putPage } from '../support/put-page.js';
import { turnsDuring } from '../support/turns-during.js';

const PAGES = 5000;

describe.each(PLATFORMS)('with thousands of pages on %s', (platform) => {
  let app: INestApplication;
  let pages: PageCacheService;
  beforeAll(async () => {
    // A purge by path must list the pages, too, and this store does so without waiting for anything.
    ({ app } = await startApplication({ platform, options: { store: memoryStore(), query: { allow: ['p'] } } }));
    pages = app.get(PageCacheService);
    const [part] = app.get(PageStorage).parts;
    for (let number = 0; number < PAGES; number += 1) await putPage(part!.store, `page:/all/${number}?p=1`, page());
  });
  afterAll(() => app?.close());

  it.each<[string, () => Promise<unknown>]>([
    ['purge()', () => pages.purge('/none')],
    ['purgeUnder()', () => pages.purgeUnder('/none')],
    ['purgeMatching()', () => pages.purgeMatching(/none/)],
    ['purgeAll()', () => pages.purgeAll()],
  ])('%s leaves turns of the event loop to others', async (_, purge) => {
    const turns = await turnsDuring(purge);
    expect(turns).toBeGreaterThanOrEqual(PAGES / 1000 - 1);
  });
});
