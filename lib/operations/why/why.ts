import type { IncomingHttpHeaders } from 'node:http';
import { PageKeys } from '../../page/page-key.js';
import { PageStorage } from '../../stores/page-storage.js';
import { asking } from '../ask.js';
import type { Site } from '../site.js';
import { explain, type Explanation } from './explain.js';
import { type KeptPage, storedAt } from './stored-at.js';

/** An explanation, and what stands at the key. */
export type Why = Explanation & { readonly stored: KeptPage };

/**
 * Why an address is a page, or not. It asks the running site.
 *
 * @param url where the site is asked, with the target
 * @param headers of the request, with the `Host` of the site
 */
export async function why(
  { options, get }: Site,
  url: URL,
  headers: IncomingHttpHeaders & { readonly host: string },
  signal: AbortSignal,
): Promise<Why> {
  const head = { method: 'GET', target: url.pathname + url.search, headers };
  const ask = asking(url, signal, headers.host);
  const explanation = await explain({ rules: options.rules, keys: get(PageKeys), ask }, head);
  return { ...explanation, stored: await storedAt(explanation.key, get(PageStorage)) };
}
