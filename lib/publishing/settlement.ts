import type { PageAddress } from '../page/page-key.js';
import type { Purger } from '../purging/purger.js';
import { isRefusal } from '../stores/page-write.js';
import type { Rendering } from './page-renderer.js';
import type { PageResult } from './publish-report.js';

/** Reasons that say nothing about the page, besides the refusals of the store. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['shutdown', 'store-failed']);

/** They say that it could not be rendered now, as all 5xx do: RFC 9110, section 15.5.9; RFC 8470, section 5.2; RFC 6585, section 4. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

/** Whether a status says that nobody can have the page now. */
function isGone(status: number): boolean {
  return status >= 300 && status < 500 && !LATER.has(status);
}

/**
 * What a rendering means for the page. If there is no page left, its copy goes, too.
 *
 * @param isPatient whether a result that says nothing about the page leaves the page as it is
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
  const saysNothing = isPage && (isRefusal(outcome.reason) || OF_THE_MOMENT.has(outcome.reason));
  if (saysNothing && isPatient) return { result: 'failed', reason: outcome.reason };
  await purger.one(address);
  // Somebody has kept the page out, or there is no page left.
  return isPage ? { result: 'skipped', reason: outcome.reason } : { result: 'purged' };
}
