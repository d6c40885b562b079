import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource, EntitySchema } from 'typeorm';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { BackgroundPurge } from '../purging/background-purge.js';
import { PendingPurges } from '../purging/pending-purges.js';
import { PageCacheService } from '../module/page-cache.service.js';
import { inTime } from '../async/in-time.js';
import { Cascades } from './cascades.js';
import { CommittedState } from './committed-state.js';
import { EntityChangesSubscriber } from './entity-changes.subscriber.js';
import { EntityPaths } from './entity-paths.js';
import { LoadedTags } from './loaded-tags.js';
import { oldStateOf } from './old-state.js';
import { PlannedChangesSubscriber } from './planned-changes.subscriber.js';
import { RowStates } from './row-states.js';
import { StoredEntities } from './stored-entities.js';
import { TransactionPurges } from './transaction-purges.js';
import { WatchedEntities } from './watched-entities.js';

/**
 * An entity as TypeORM accepts it: a class, or an `EntitySchema`.
 *
 * @publicApi
 */
export type EntityClass = (abstract new (...args: never[]) => unknown) | EntitySchema;

/** How long the end of the application waits for purges, in milliseconds. Those that remain are logged. */
const SHUTDOWN = 2000;

interface Watched {
  readonly classes: ReadonlySet<EntityClass>;
  readonly entities: WatchedEntities;
  readonly subscriber: EntityChangesSubscriber;
  readonly purges: TransactionPurges;
}

/**
 * Watches the entities of data sources. `PageCacheTypeOrmModule.forFeature()` calls it for data sources that are providers. Call `watch()`
 * for data sources that you open while the application runs.
 *
 * @example
 * constructor(private readonly watchers: DataSourceWatchers) {}
 *
 * @publicApi
 */
@Injectable()
export class DataSourceWatchers implements OnApplicationShutdown {
  readonly #watched = new Map<DataSource, Watched>();

  constructor(
    @Inject(PageCacheService) private readonly pages: PageCacheService,
    @Inject(BackgroundPurge) private readonly background: BackgroundPurge,
    @Inject(PendingPurges) private readonly pending: PendingPurges,
  ) {}

  /**
   * Purges pages whenever these entities change. You may call it several times for one data source, with different entities. Call it again
   * when you have destroyed and initialized a data source: TypeORM has forgotten all that it was told.
   *
   * @param dataSource an initialized data source
   * @param entities the entities to watch
   * @throws {EntityMetadataNotFoundError} (TypeORM's) when an entity does not belong to the data source
   * @throws {NginxCacheConfigError} when the data source is not initialized
   * @example
   * const tenant = await new DataSource({ type: 'postgres', url, entities: [Post] }).initialize();
   * watchers.watch(tenant, [Post]);
   */
  watch(dataSource: DataSource, entities: readonly EntityClass[]): void {
    if (!dataSource.isInitialized) {
      const allowed = 'initialized: call DataSourceWatchers.watch() after dataSource.initialize()';
      throw new NginxCacheConfigError('dataSource', undefined, allowed, 'The data source must be');
    }
    const before = this.#watched.get(dataSource);
    const classes = new Set([...(before?.classes ?? []), ...entities]);
    const metadata = [...classes].map((entity) => dataSource.getMetadata(entity as never));
    // `initialize()` makes other metadata, and other subscribers.
    const isWatched = before && dataSource.subscribers.includes(before.subscriber);
    const watched = isWatched ? before : this.make(dataSource);
    // A subscriber before ours that throws would keep the change from us.
    if (!isWatched) dataSource.subscribers.unshift(watched.subscriber);
    watched.entities.add(metadata);
    this.#watched.set(dataSource, { ...watched, classes });
  }

  /**
   * Stops watching a data source. You can destroy it then.
   *
   * @param dataSource a data source that was given to `watch()`
   */
  unwatch(dataSource: DataSource): void {
    const watched = this.#watched.get(dataSource);
    const index = watched ? dataSource.subscribers.indexOf(watched.subscriber) : -1;
    if (index >= 0) dataSource.subscribers.splice(index, 1);
    this.#watched.delete(dataSource);
  }

  /** Every request has been answered, and the data sources and the store are still there: what has been written must be purged, too. */
  async onApplicationShutdown(): Promise<void> {
    const end = performance.now() + SHUTDOWN;
    await inTime(this.purged(), SHUTDOWN);
    await this.pending.settled(Math.max(0, end - performance.now()));
    for (const dataSource of this.#watched.keys()) this.unwatch(dataSource);
  }

  private async purged(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ purges }) => purges.settled()));
    await this.background.settled();
  }

  private make(dataSource: DataSource): Omit<Watched, 'classes'> {
    const { background } = this;
    const report = (error: unknown) => background.report(error);
    const entities = new WatchedEntities(dataSource);
    const stored = new StoredEntities(dataSource);
    const cascades = new Cascades(entities, stored);
    const states = new RowStates(entities, stored, cascades, new EntityPaths(report), report);
    const committed = new CommittedState(dataSource);
    const oldState = oldStateOf(dataSource);
    const purges = new TransactionPurges(this.pages, background, oldState, committed, states);
    const tags = new LoadedTags(dataSource, entities, this.pages);
    const Subscriber = oldState === 'before' ? PlannedChangesSubscriber : EntityChangesSubscriber;
    return { entities, purges, subscriber: new Subscriber(entities, cascades, purges, tags, report) };
  }
}
