export { PageCacheTag, type PageCacheTagOptions, pageCacheTagOf } from './page-cache-tag.decorator.js';
export { PageCacheTypeOrmModule } from './page-cache-typeorm.module.js';
