export { PageCacheHealthIndicator } from './page-cache.health.js';
