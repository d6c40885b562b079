import type { PageInfo } from '../module/page-cache.service.js';
import type { PageCacheHealth } from '../module/page-cache-health.js';
import type { Site } from '../operations/site.js';
import { type ServerStats, serverStats } from '../operations/site-stats.js';
import type { Claim } from '../stores/journal/edition.js';
import { describe, isRefresh } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageStore } from '../stores/page-store.js';

/** What is written of one purge in several journals is so close together, in milliseconds. */
const TOGETHER = 1000;

/** So many of the latest purges are shown. */
const PURGES = 200;

/** One server of the store. */
export interface ServerView {
  /** Absent when the store has none. */
  readonly server: string | undefined;
  /** Of those that pages are spread by; absent where there is one. */
  readonly weight: number | undefined;
  readonly pages: number;
  readonly isReachable: boolean;
  readonly error: string | undefined;
  /** What a memcached says of itself. */
  readonly stats: ServerStats | undefined;
}

/** One purge of the journal. */
export interface PurgeView {
  /** Unix time in milliseconds, by the clock of its process; absent where the journal does not say. */
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
  /** Those that this process has seen since its start, the latest first. */
  readonly purges: readonly PurgeView[];
}

/** How the store is. */
export async function storeView(site: Site, pages: readonly PageInfo[]): Promise<StoreView> {
  // It reads the journal, too.
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

/** A purge that concerns several servers stands in the journal of each, written at about the same time. */
function purgesOf({ parts }: PageStorage): PurgeView[] {
  const purges: (PurgeView & { readonly servers: string[] })[] = [];
  for (const { server, journal } of parts) {
    for (const { time, scope } of journal.window.entries.slice(-PURGES)) {
      const targets = describe(scope);
      const isSame = (purge: PurgeView) =>
        server !== undefined &&
        !purge.servers.includes(server) &&
        Math.abs((purge.time ?? 0) - time) < TOGETHER &&
        purge.targets.join() === targets.join();
      const known = purges.find(isSame);
      if (known) known.servers.push(server!);
      else {
        const servers = server === undefined ? [] : [server];
        purges.push({ time: Number.isFinite(time) ? time : undefined, targets, isRefresh: isRefresh(scope), servers });
      }
    }
  }
  return purges
    .toReversed()
    .toSorted((one, other) => (other.time ?? 0) - (one.time ?? 0))
    .slice(0, PURGES);
}
