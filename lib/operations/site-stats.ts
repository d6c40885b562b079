import type { PageInfo } from '../module/page-cache.service.js';
import { PageStorage } from '../stores/page-storage.js';
import type { Site } from './site.js';

/** How many of the busiest subtrees are shown. */
const SHOWN = 10;

/** Pages at and below a path. */
export interface SubtreeStats {
  readonly path: string;
  readonly pages: number;
  readonly bytes: number;
  /** How many of them somebody has read since they were stored. */
  readonly read: number;
}

/** What a memcached says about itself: for all of its users, since it was started. */
export interface ServerStats {
  readonly server: string;
  readonly version: string;
  /** In seconds. */
  readonly uptime: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly bytes: number;
  readonly limit: number;
}

export interface PageCounts {
  readonly pages: number;
  readonly bytes: number;
  /** How many pages somebody has read; absent if the store does not tell. */
  readonly read?: number;
  /** By the first segment of their paths; those with most read pages come first. */
  readonly subtrees: readonly SubtreeStats[];
}

export interface SiteStats extends PageCounts {
  readonly store: string;
  readonly servers: readonly ServerStats[];
}

/** What is stored for a site, and how its servers are doing. */
export async function siteStats(site: Site): Promise<SiteStats> {
  const { store } = site.options;
  return { store: store.kind, ...(await countPages(site.pages.pages())), servers: await serversOf(site) };
}

/** How many pages there are, and where. */
export async function countPages(pages: Iterable<PageInfo> | AsyncIterable<PageInfo>): Promise<PageCounts> {
  const all = await subtreesOf(pages);
  const sum = (of: (subtree: Subtree) => number) => all.reduce((total, subtree) => total + of(subtree), 0);
  return {
    pages: sum(({ pages }) => pages),
    bytes: sum(({ bytes }) => bytes),
    ...(all.every(({ knowsReads }) => knowsReads) && { read: sum(({ read }) => read) }),
    subtrees: all
      .toSorted((one, other) => other.read - one.read || other.pages - one.pages)
      .slice(0, SHOWN)
      .map(({ path, pages, bytes, read }) => ({ path, pages, bytes, read })),
  };
}

interface Subtree extends SubtreeStats {
  pages: number;
  bytes: number;
  read: number;
  knowsReads: boolean;
}

async function subtreesOf(pages: Iterable<PageInfo> | AsyncIterable<PageInfo>): Promise<Subtree[]> {
  const subtrees = new Map<string, Subtree>();
  for await (const page of pages) {
    const [, first = '', more] = page.path.split('/', 3);
    const path = more === undefined && first === '' ? '/' : `/${first}`;
    const subtree = subtrees.get(path) ?? { path, pages: 0, bytes: 0, read: 0, knowsReads: true };
    subtrees.set(path, subtree);
    subtree.pages += 1;
    subtree.bytes += page.size ?? 0;
    subtree.read += page.isRead ? 1 : 0;
    subtree.knowsReads &&= page.isRead !== undefined;
  }
  return [...subtrees.values()];
}

async function serversOf(site: Site): Promise<ServerStats[]> {
  const asked = site.get(PageStorage).parts.map(async ({ store: { server, statistics } }) => {
    const stats = await statistics?.();
    return server !== undefined && stats ? [serverStats(server, stats)] : [];
  });
  return (await Promise.all(asked)).flat();
}

/** What a memcached says, taken from the answer to `stats`. */
export function serverStats(server: string, stats: ReadonlyMap<string, string>): ServerStats {
  const number = (name: string) => Number(stats.get(name) ?? 0);
  return {
    server,
    version: stats.get('version') ?? '',
    uptime: number('uptime'),
    hits: number('get_hits'),
    misses: number('get_misses'),
    evictions: number('evictions'),
    bytes: number('bytes'),
    limit: number('limit_maxbytes'),
  };
}
