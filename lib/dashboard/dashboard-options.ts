import * as v from 'valibot';
import { checked, strict } from '../checks/checked.js';

/**
 * How the dashboard is mounted in the application.
 *
 * @example
 * PageCacheDashboardModule.forRoot({ token: process.env.DASHBOARD_TOKEN ?? '', path: '/admin/pages', log: '/var/log/nginx/page-cache.log' });
 *
 * @publicApi
 */
export interface PageCacheDashboardOptions {
  /**
   * The secret that everyone who uses the dashboard must enter: 16 to 200 letters, digits and `.~+/=_-`. Without it, the dashboard shows and
   * does nothing.
   */
  token: string;
  /** The path of the dashboard, after the global prefix of the application unless that excludes the path. Default `/page-cache`. */
  path?: string;
  /**
   * nginx's access log, in the format that `nginxConf()` writes. Without it, the dashboard counts only the responses of this process, not the
   * pages that nginx serves.
   */
  log?: string;
  /**
   * The origin at which nginx answers, such as `http://127.0.0.1:8080`, to find out why an address is not cached. Default: the application
   * itself is asked.
   */
  site?: string;
}

const TOKEN = 'a secret of 16 to 200 letters, digits and .~+/=_-';
const PATH = 'a path like /page-cache, without a slash at its end';
const SITE = 'the origin of a site, like http://127.0.0.1:8080';

const schema = strict({
  token: v.pipe(v.string(TOKEN), v.regex(/^[\w.~+/=-]{16,200}$/, TOKEN)),
  path: v.optional(v.pipe(v.string(PATH), v.regex(/^(?:\/[\w.~-]+)+$/, PATH))),
  log: v.optional(v.string('the path of a file')),
  site: v.optional(v.pipe(v.string(SITE), v.regex(/^https?:\/\/[^/?#@]+\/?$/, SITE))),
});

/** @throws {NginxCacheConfigError} names the wrong option, what was given and what is allowed */
export function checkDashboardOptions(given: PageCacheDashboardOptions): PageCacheDashboardOptions {
  return checked(schema, given, {
    of: 'PageCacheDashboardModule',
    secrets: new Set(['PageCacheDashboardModule.token']),
  }) as PageCacheDashboardOptions;
}
