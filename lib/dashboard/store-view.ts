import type { PageInfo } from '../module/page-cache.service.js';
import type { PageCacheHealth } from '../module/page-cache-health.js';
import type { Site } from '../operations/site.js';
import { type ServerStats, serverStats } from '../operations/site-stats.js';
import type { Claim } from '../stores/journal/edition.js';
import { describe, isRefresh } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageStore } from '../stores/page-store.js';

/** The entries of one purge in several journals are no farther apart than this, in milliseconds. */
const TOGETHER = 1000;

/** How many of the latest purges are shown. */
const PURGES = 200;

/** One server of the store. */
export interface ServerView {
  /** Absent if the store has no servers. */
  readonly server: string | undefined;
  /** Its weight among the servers that pages are spread over; absent if there is only one. */
  readonly weight: number | undefined;
  readonly pages: number;
  readonly isReachable: boolean;
  readonly error: string | undefined;
  /** What a memcached says about itself. */
  readonly stats: ServerStats | undefined;
}

/** One purge of the journal. */
export interface PurgeView {
  /** Unix time in milliseconds, by the clock of its process; absent if the journal does not tell. */
  readonly time: number | undefined;
  readonly targets: readonly string[];
  readonly isRefresh: boolean;
  readonly servers: readonly string[];
}

export interface StoreView {
  readonly kind: string;
  readonly servers: readonly ServerView[];
  readonly pendingPurges: number;
  readonly storesNothing: string | undefined;
  /** The application that may store pages. */
  readonly claim: Pick<Claim, 'configuration' | 'version' | 'since'> | undefined;
  /** The purges that this process has seen since its start. The latest come first. */
  readonly purges: readonly PurgeView[];
}

/** The state of the store. */
export async function storeView(site: Site, pages: readonly PageInfo[]): Promise<StoreView> {
  // This also reads the journal.
  const health = await site.pages.health();
  const { parts } = site.get(PageStorage);
  const counts = new Map<string | undefined, number>();
  for (const { server } of pages) counts.set(server, (counts.get(server) ?? 0) + 1);
  const claim = parts.map(({ journal }) => journal.editions.claim).find((one) => one !== undefined);
  return {
    kind: site.options.store.kind,
    servers: await Promise.all(
      health.store.map((one) => serverView(site, one, counts.get(one.server) ?? (parts.length > 1 ? 0 : pages.length))),
    ),
    pendingPurges: health.pendingPurges,
    storesNothing: health.storesNothing,
    claim: claim && { configuration: claim.configuration, version: claim.version, since: claim.since },
    purges: purgesOf(site.get(PageStorage)),
  };
}

async function serverView(
  site: Site,
  { server, isReachable, error }: PageCacheHealth['store'][number],
  pages: number,
): Promise<ServerView> {
  return {
    server,
    weight: site.options.store.servers?.find(({ address }) => address === server)?.weight,
    pages,
    isReachable,
    error,
    stats: isReachable
      ? await statsOf(site.get(PageStorage).parts.find((part) => part.server === server)?.store)
      : undefined,
  };
}

async function statsOf(store: PageStore | undefined): Promise<ServerStats | undefined> {
  const stats = await store?.statistics?.().catch(() => undefined);
  return store?.server !== undefined && stats ? serverStats(store.server, stats) : undefined;
}

/** A purge is in the journal of each server that it concerns, and once for each host and variant, written at about the same time. */
function purgesOf({ parts }: PageStorage): PurgeView[] {
  const purges: (PurgeView & { readonly servers: string[] })[] = [];
  for (const { server, journal } of parts) {
    for (const { time: checked, written = checked, scope } of journal.window.entries.slice(-PURGES)) {
      const time = Number.isFinite(written) ? written : undefined;
      const targets = describe(scope);
      const isSame = (purge: PurgeView) =>
        Math.abs((purge.time ?? Infinity) - (time ?? 0)) < TOGETHER &&
        purge.isRefresh === isRefresh(scope) &&
        purge.targets.join() === targets.join();
      let purge = purges.find(isSame);
      if (!purge) purges.push((purge = { time, targets, isRefresh: isRefresh(scope), servers: [] }));
      if (server !== undefined && !purge.servers.includes(server)) purge.servers.push(server);
    }
  }
  return purges
    .toReversed()
    .toSorted((one, other) => (other.time ?? 0) - (one.time ?? 0))
    .slice(0, PURGES);
}
