import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { PageCacheService } from '../../lib/index.js';
import { startApplication } from '../support/applications.js';
import { turnsDuring } from '../support/turns-during.js';

const ENTRIES = 20_000;

describe('a long list leaves turns of the event loop to others', () => {
  let app: INestApplication;
  let pages: PageCacheService;
  beforeAll(async () => {
    ({ app } = await startApplication({ platform: 'express', options: { origin: 'https://example.com' } }));
    pages = app.get(PageCacheService);
  });
  afterAll(() => app?.close());

  it.each<[string, (locations: readonly string[]) => string]>([
    ['XML', (all) => `<urlset>${all.map((one) => `<url><loc>${one}</loc></url>`).join('')}</urlset>`],
    ['a list', (all) => all.join('\n')],
  ])('a sitemap that comes in one piece: %s', async (_, write) => {
    const locations = Array.from({ length: ENTRIES }, (_one, index) => `https://elsewhere.example/posts/${index}`);
    const file = Buffer.from(write(locations));
    async function* whole() {
      yield file;
    }
    const turns = await turnsDuring(async () => {
      // Nothing of it is rendered.
      expect(await pages.publishSitemap(whole())).toMatchObject({ foreign: ENTRIES, published: [] });
    });
    expect(turns).toBeGreaterThanOrEqual(file.length / 16_384 - 1);
  });

  it('the targets of publishMany()', async () => {
    const targets = Array.from({ length: ENTRIES }, () => '/nothing');
    const turns = await turnsDuring(async () => {
      expect(await pages.publishMany(targets)).toMatchObject({ purged: ['/nothing'] });
    });
    expect(turns).toBeGreaterThanOrEqual(ENTRIES / 100 - 1);
  });
});
