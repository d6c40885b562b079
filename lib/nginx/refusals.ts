import type { SiteNames } from './variables.js';
import { block } from './syntax.js';

/**
 * What nginx itself answers when the site's own directives refuse a request: `auth_basic`, `auth_request`, `deny`, `client_max_body_size`,
 * `limit_req`, `limit_conn`.
 */
const REFUSALS = [401, 403, 413, 429, 503];

/** For a location with an `error_page` of its own, which hides those of the server. A line before this one may lead elsewhere. */
export function refusals(names: SiteNames, statuses = REFUSALS): string[] {
  return statuses.map((status) => `error_page ${status} = @${names.of(`refused_${status}`)};`);
}

/** A refusal is no page: it has none of its fields, and the error page of the server. */
export function refusalLocations(names: SiteNames, statuses = REFUSALS): string[] {
  return statuses.flatMap((status) =>
    block(`location @${names.of(`refused_${status}`)}`, [`set ${names.variable('status')} "";`, `return ${status};`]),
  );
}
