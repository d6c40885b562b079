import { memoryStore, PageCacheService } from 'nestjs-nginx-cache';
import { startApplication } from '../support/applications.js';
import { PurgeLog } from '../support/purge-log.js';
import { StalePages } from './stale-pages.js';

/** An application with nothing but a page cache in memory. */
export async function startRecipe() {
  const { app } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    providers: [
      PurgeLog,
      // Vitest does not tell Nest the types of constructors.
      {
        provide: StalePages,
        inject: [PageCacheService],
        useFactory: (pages: PageCacheService) => new StalePages(pages),
      },
    ],
  });
  return {
    stale: app.get(StalePages),
    purges: app.get(PurgeLog),
    pages: app.get(PageCacheService),
    close: () => app.close(),
  };
}
