export { PageCacheDashboardModule } from './page-cache-dashboard.module.js';
export type { PageCacheDashboardOptions } from './dashboard-options.js';
