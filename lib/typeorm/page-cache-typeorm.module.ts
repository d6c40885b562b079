import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DataSourceWatchers, type EntityClass } from './data-source-watchers.js';

const FEATURE = Symbol('nestjs-nginx-cache: typeorm feature');

type DataSourceRef = Parameters<typeof getDataSourceToken>[0];

/** What one module asks for. */
interface Feature {
  readonly dataSource: DataSource;
  readonly entities: readonly EntityClass[];
}

/** There is one for the whole application: entities of several modules are watched together. */
@Module({ providers: [DataSourceWatchers], exports: [DataSourceWatchers] })
class PageCacheTypeOrmCoreModule {}

/**
 * Purges pages when entities change, after the commit of the transaction. It purges the `dependentPaths()` of the entity before and after
 * the change. For bulk writes, it purges the pages with the tag of the class.
 *
 * Import it in any module, in addition to `NginxCacheModule.forRoot()` and `TypeOrmModule.forRoot()`.
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
   * Provides `DataSourceWatchers`, for data sources that are opened while the application runs. `forFeature()` provides them, too.
   *
   * @returns a module to import
   * @example
   * constructor(private readonly watchers: DataSourceWatchers) {}
   */
  static forRoot(): DynamicModule {
    return { module: PageCacheTypeOrmCoreModule };
  }

  /**
   * Watches entities of a data source.
   *
   * @param entities classes whose instances have `dependentPaths()`; without that method, every change purges the tag of the class
   * @param dataSource as in `TypeOrmModule.forFeature()`, if it is not the default one
   * @returns a module to import
   * @throws {EntityMetadataNotFoundError} (TypeORM's, when the application starts) when an entity does not belong to the data source
   * @throws {NginxCacheConfigError} (when the application starts) when the data source is not initialized (`manualInitialization`)
   * @example
   * PageCacheTypeOrmModule.forFeature([Post, Comment])
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
