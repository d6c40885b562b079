import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource, EntityMetadata } from 'typeorm';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { BackgroundPurge } from '../purging/background-purge.js';
import { PageCacheService } from '../module/page-cache.service.js';
import { EntityChangesSubscriber } from './entity-changes.subscriber.js';
import { EntityPaths } from './entity-paths.js';
import { TransactionPurges } from './transaction-purges.js';
import { WatchedEntities } from './watched-entities.js';

/** One subscriber for each data source, whatever the number of modules that have entities there. */
@Injectable()
export class DataSourceWatchers implements OnApplicationShutdown {
  readonly #watched = new Map<DataSource, { entities: WatchedEntities; subscriber: EntityChangesSubscriber }>();

  constructor(
    @Inject(PageCacheService) private readonly pages: PageCacheService,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  watch(dataSource: DataSource, entities: readonly EntityMetadata[]): void {
    let watched = this.#watched.get(dataSource);
    if (!watched) {
      const background = new BackgroundPurge(this.dispatcher);
      const all = new WatchedEntities(dataSource);
      const purges = new TransactionPurges(this.pages, background);
      const paths = new EntityPaths((error) => background.report(error));
      watched = { entities: all, subscriber: new EntityChangesSubscriber(all, paths, purges, this.pages) };
      this.#watched.set(dataSource, watched);
      dataSource.subscribers.push(watched.subscriber);
    }
    watched.entities.add(entities);
  }

  onApplicationShutdown(): void {
    for (const [{ subscribers }, { subscriber }] of this.#watched) {
      const index = subscribers.indexOf(subscriber);
      if (index >= 0) subscribers.splice(index, 1);
    }
    this.#watched.clear();
  }
}
