import type { Site } from './site.js';

/** What becomes of a page that a visitor asks for through nginx: `stored`, `hit`, or the reason why it is not stored. */
export async function fate(site: Site, target: string, headers: Record<string, string> = {}): Promise<string> {
  for (;;) {
    site.log.forget();
    const { status } = await site.get(target, { headers });
    if (status === 'nginx; hit') return 'hit';
    const reason = /detail="?([^"]*)/.exec(status)?.[1] ?? (await site.log.outcome(target));
    // With other tests at work, memcached may answer too late for anything to be stored.
    if (!/^(?:store-down|purges-unknown)$/.test(reason)) return reason;
  }
}
