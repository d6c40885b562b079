import type { Site } from './site.js';

/** What becomes of a page that a visitor asks for through nginx: `stored`, `hit`, or the reason why it is not stored. */
export async function fate(site: Site, target: string, headers: Record<string, string> = {}): Promise<string> {
  return (await site.visit(target, { headers })).outcome;
}
