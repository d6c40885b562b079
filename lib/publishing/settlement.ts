import { isOutdated } from '../caching/page-rendering.js';
import type { PageAddress } from '../page/page-key.js';
import type { Purger } from '../purging/purger.js';
import type { Rendering } from './page-renderer.js';
import type { PageResult } from './publish-report.js';

/** Of what is rendered in order to be stored, these say nothing of the page. */
const OF_THE_STORE: ReadonlySet<string> = new Set([
  'aborted',
  'evicted',
  'other-configuration',
  'other-version',
  'purge-pending',
  'purges-unknown',
  'store-busy',
  'store-down',
  'store-failed',
]);

/**
 * Whether a status says that nobody can have the page now. Others (429, those of the 500s) say that it could not be rendered
 * now.
 */
function isGone(status: number): boolean {
  return (status >= 300 && status < 400) || [401, 403, 404, 410].includes(status);
}

/**
 * What a rendering means for the page. If there is no page left, its copy goes, too.
 *
 * @param isPatient whether what says nothing of the page leaves it as it is
 */
export async function settle(
  address: PageAddress,
  { status, outcome }: Rendering,
  purger: Pick<Purger, 'one'>,
  isPatient = false,
): Promise<PageResult> {
  if (outcome.stored) return { result: 'published' };
  const isPage = status >= 200 && status < 300;
  if (!isPage && !isGone(status)) return { result: 'failed', ...(status === 0 ? {} : { status }) };
  const saysNothing = isPage && (isOutdated(outcome) || OF_THE_STORE.has(outcome.reason));
  if (saysNothing && isPatient) return { result: 'failed', reason: outcome.reason };
  await purger.one(address);
  // Somebody has kept the page out, or there is none left.
  return isPage ? { result: 'skipped', reason: outcome.reason } : { result: 'purged' };
}
