import type { PageLog } from './page-log.js';
import type { Site } from './site.js';

/** What becomes of a page that a visitor asks for: `stored`, `hit`, or the reason why it is not stored. */
export async function fate(
  site: Site,
  target: string,
  headers: Record<string, string> = {},
  ask: 'get' | 'direct' = 'get',
): Promise<string> {
  site.log.forget();
  const { status } = await site[ask](target, { headers });
  return fateOf(status, target, site.log);
}

/** @param status the `Cache-Status` that the visitor got */
export async function fateOf(status: string, target: string, log: PageLog): Promise<string> {
  if (status.endsWith('; hit')) return 'hit';
  // Only who renders a page decides whether it is stored.
  if (status.includes('fwd=miss')) return log.outcome(target);
  return /detail="?([^"]*)/.exec(status)?.[1] ?? status;
}
