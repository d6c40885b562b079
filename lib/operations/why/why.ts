import type { IncomingHttpHeaders } from 'node:http';
import { PageKeys } from '../../page/page-key.js';
import { PageStorage } from '../../stores/page-storage.js';
import { asking } from '../ask.js';
import { isHit, outcomeOf } from '../outcome.js';
import type { Site } from '../site.js';
import { explain, type Explanation } from './explain.js';
import { neverAHit } from './never-a-hit.js';
import { type KeptPage, storedAt } from './stored-at.js';

/** An explanation, and what is stored at the key. */
export type Why = Explanation & { readonly stored: KeptPage };

/**
 * Why an address is a page, or not. It asks the running site.
 *
 * @param url the address at which the site is asked, with the target
 * @param headers the header fields of the request, with the `Host` of the site
 */
export async function why(
  { options, get }: Site,
  url: URL,
  headers: IncomingHttpHeaders & { readonly host: string },
  signal: AbortSignal,
): Promise<Why> {
  const head = { method: 'GET', target: url.pathname + url.search, headers };
  const keys = get(PageKeys);
  const { key } = keys.of(head);
  const start = new Date();
  // memcached forgets the age of a page that somebody reads, so the store is also asked before the site.
  const before = await storedAt(key, get(PageStorage));
  const ask = asking(url, signal, headers.host);
  const explanation = await explain({ rules: options.rules, keys, ask }, head);
  if (isHit(outcomeOf(explanation.answers[0]?.cacheStatus ?? ''))) return { ...explanation, stored: before };
  const stored = await storedAt(key, get(PageStorage));
  // This answer has stored it.
  const isNew = before.isStored === false && stored.isEndless !== undefined;
  const isNeverHit = explanation.outcome === 'stored';
  return {
    ...explanation,
    ...(isNeverHit && {
      isPage: false,
      ...neverAHit(stored.isStored, explanation.answers.at(-1)?.isBroken === true, head.target),
    }),
    stored: { ...(isNew && { since: start.toISOString() }), ...stored },
  };
}
