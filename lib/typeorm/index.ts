export { DataSourceWatchers, type EntityClass } from './data-source-watchers.js';
export { PageCacheTag, type PageCacheTagOptions, pageCacheTagOf } from './page-cache-tag.decorator.js';
export { PageCacheTypeOrmModule } from './page-cache-typeorm.module.js';
