import type { PageCacheDispatcher } from '../../events/page-cache-dispatcher.js';
import { PageBypassed, PageServed, PageSkipped, PageStored } from '../../events/outcomes.events.js';
import type { Activity } from './activity.js';

const SERVED = {
  stored: 'hit',
  collapsed: 'collapsed',
  'stale-while-revalidate': 'stale copy',
  'stale-if-error': 'stale copy',
} as const;

/** Counts what this process answers. It does not learn of the pages that nginx serves. */
export function countApplication(activity: Activity, dispatcher: PageCacheDispatcher): void {
  const count = (target: string, outcome: string) => activity.add(target, outcome, Date.now(), 0);
  dispatcher.add(PageServed, ({ address, source }) => count(address.target, SERVED[source]));
  dispatcher.add(PageStored, ({ address, cause }) => {
    if (cause === 'visit') count(address.target, 'stored');
  });
  dispatcher.add(PageSkipped, ({ address, reason }) => count(address.target, reason));
  dispatcher.add(PageBypassed, ({ request: { method, url = '' }, reason }) => {
    if (method === 'GET' || method === 'HEAD') count(url, reason);
  });
}
