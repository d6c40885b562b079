import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DataSourceWatchers, type EntityClass } from './data-source-watchers.js';

const FEATURE = Symbol('nestjs-nginx-cache: typeorm feature');

type DataSourceRef = Parameters<typeof getDataSourceToken>[0];

/** What one module has asked for. */
interface Feature {
  readonly dataSource: DataSource;
  readonly entities: readonly EntityClass[];
}

/** One for the application: entities of several modules are watched together. */
@Module({ providers: [DataSourceWatchers], exports: [DataSourceWatchers] })
class PageCacheTypeOrmCoreModule {}

/**
 * Purges pages when entities change, after the transaction has been committed: what `dependentPaths()` gives for the entity as it
 * was and as it is, and for bulk writes, the pages with the tag of its class.
 *
 * Beside `NginxCacheModule.forRoot()` and `TypeOrmModule.forRoot()`, in any module.
 *
 * @example
 * @Module({ imports: [TypeOrmModule.forFeature([Post]), PageCacheTypeOrmModule.forFeature([Post])] })
 * export class PostsModule {}
 *
 * @publicApi
 */
@Module({})
export class PageCacheTypeOrmModule implements OnModuleInit {
  constructor(
    @Inject(FEATURE) private readonly feature: Feature,
    @Inject(DataSourceWatchers) private readonly watchers: DataSourceWatchers,
  ) {}

  /**
   * For data sources that are made while the application runs: gives you `DataSourceWatchers`, as `forFeature()` does, too.
   *
   * @example
   * constructor(private readonly watchers: DataSourceWatchers) {}
   */
  static forRoot(): DynamicModule {
    return { module: PageCacheTypeOrmCoreModule };
  }

  /**
   * @param entities classes whose instances have `dependentPaths()`; without the method, every change purges by the tag of the class
   * @param dataSource as in `TypeOrmModule.forFeature()`, when it is not the default one
   * @throws {EntityMetadataNotFoundError} (TypeORM's, when the application starts) when an entity is not one of the data source
   */
  static forFeature(entities: readonly EntityClass[], dataSource?: DataSourceRef): DynamicModule {
    return {
      module: PageCacheTypeOrmModule,
      imports: [PageCacheTypeOrmCoreModule],
      exports: [PageCacheTypeOrmCoreModule],
      providers: [
        {
          provide: FEATURE,
          inject: [getDataSourceToken(dataSource)],
          useFactory: (source: DataSource): Feature => ({ dataSource: source, entities }),
        },
      ],
    };
  }

  onModuleInit(): void {
    const { dataSource, entities } = this.feature;
    this.watchers.watch(dataSource, entities);
  }
}
