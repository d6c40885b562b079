import type { SiteNames } from '../variables.js';
import { refusals } from '../refusals.js';
import { block } from '../syntax.js';

/**
 * `memcached_pass` in `location /blog/` makes nginx redirect `/blog` there, with its own scheme and port (`auto_redirect` in
 * ngx_http_memcached_pass). So the page is sent from a named location.
 */
export function endsInSlash(location: string): boolean {
  return /[^ ]\/$/.test(location);
}

/** Leads a request that may be answered from the cache to the named location. */
export function slashDecision(names: SiteNames): string[] {
  return [
    '# This status never leaves nginx, either.',
    `error_page 430 = @${names.of('page')};`,
    ...refusals(names),
    'recursive_error_pages on;',
    'return 430;',
  ];
}

/** @param page the lines that send a page */
export function slashLocation(names: SiteNames, page: readonly string[]): string[] {
  return block(`location @${names.of('page')}`, page);
}
