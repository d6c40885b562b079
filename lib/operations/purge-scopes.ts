import type { PageInfo } from '../module/page-cache.service.js';
import { PageKeys } from '../page/page-key.js';
import { subtreeScopes, targetPaths } from '../purging/purge-target.js';
import { Purger } from '../purging/purger.js';
import { concerns, mayConcern, type PurgeScope, sizeOf } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import { describedPages } from '../stores/stored-pages.js';
import type { Site } from './site.js';

/** What somebody wants purged, in their own words. */
export interface PurgeWish {
  /** Paths or URLs; `/posts/*` for a page and everything below it. */
  readonly paths?: readonly string[] | undefined;
  readonly under?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly matching?: RegExp | undefined;
  readonly all?: boolean | undefined;
}

/** @throws {TypeError} when a path does not belong to the site */
export async function purgeScopes(
  { get, options }: Site,
  { paths = [], under = [], tags = [], matching, all = false }: PurgeWish,
): Promise<PurgeScope[]> {
  const targets = await targetPaths(paths, options.hosts);
  const subtrees = targets
    .filter(({ isSubtree }) => isSubtree)
    .map(({ path }): PurgeScope => ({ kind: 'under', path }));
  const scopes: readonly PurgeScope[] = [
    get(Purger).scopeOf(targets.filter(({ isSubtree }) => !isSubtree)),
    ...subtrees,
    ...under.flatMap(subtreeScopes),
    { kind: 'tags', tags },
    ...(matching ? [{ kind: 'matching', source: matching.source, flags: matching.flags } as const] : []),
    ...(all ? [{ kind: 'all' } as const] : []),
  ];
  return scopes.filter((scope) => sizeOf(scope) > 0);
}

/** The pages that a purge would delete. A page whose tags are lost is deleted by every purge of tags. */
export async function* concernedPages(
  { get }: Site,
  scopes: readonly PurgeScope[],
): AsyncGenerator<PageInfo, void, undefined> {
  const mayBe = describedPages(get(PageStorage), get(PageKeys), (page) =>
    scopes.some((scope) => mayConcern(scope, page)),
  );
  for await (const page of mayBe) {
    const tags = page.tags && new Set(page.tags);
    if (!tags || scopes.some((scope) => concerns(scope, page, tags))) yield page;
  }
}
