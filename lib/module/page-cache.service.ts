import { Inject, Injectable } from '@nestjs/common';
import { chunks } from '../async/chunks.js';
import { checked } from '../checks/checked.js';
import { CurrentDraft } from '../caching/current-draft.js';
import type { PurgeReport } from '../purging/purge-report.js';
import { concerns } from '../stores/journal/purge-scope.js';
import { exactPage } from '../purging/exact-page.js';
import { canonicalPath, pagePattern, type PageTarget, subtreeScopes, targetPaths } from '../purging/purge-target.js';
import { fragmentAddress, type FragmentParams, parseAddress, sharedAddress } from '../fragments/fragment-address.js';
import { PendingPurges } from '../purging/pending-purges.js';
import { Purger } from '../purging/purger.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { Page } from '../page/page.js';
import type { PageDraft } from '../page/page-draft.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { BulkPublisher } from '../publishing/bulk-publisher.js';
import {
  type PublishOptions,
  publishOptionsSchema,
  type PublishSitemapOptions,
  publishSitemapOptionsSchema,
} from '../publishing/publish-options.js';
import type { PublishManyReport, PublishReport, PublishSitemapReport } from '../publishing/publish-report.js';
import { Publisher } from '../publishing/publisher.js';
import { SitemapReader, type SitemapSource } from '../publishing/sitemap/sitemap-reader.js';
import { rawQuery } from '../rules/request-head.js';
import type { PageDetails } from '../stores/page-details.js';
import { PageStorage } from '../stores/page-storage.js';
import { storedPages } from '../stores/stored-pages.js';
import { healthOf, type PageCacheHealth } from './page-cache-health.js';

/** So many pages are described together. */
const DESCRIBED_TOGETHER = 500;

/**
 * One stored page, as `pages()` lists it: its address, and what the store knows of it.
 *
 * @publicApi
 */
export interface PageInfo extends PageAddress, Partial<PageDetails> {
  /** The server that has it; absent when the store has none. */
  readonly server?: string | undefined;
}

/**
 * Purges, publishes and looks up pages.
 *
 * @example
 * constructor(private readonly pages: PageCacheService) {}
 * async save(post: Post) {
 *   await this.posts.save(post);
 *   await this.pages.purge('/', post);
 * }
 *
 * @publicApi
 */
@Injectable()
export class PageCacheService {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(Publisher) private readonly publisher: Publisher,
    @Inject(BulkPublisher) private readonly bulkPublisher: BulkPublisher,
    @Inject(SitemapReader) private readonly sitemaps: SitemapReader,
    @Inject(CurrentDraft) private readonly currentDraft: CurrentDraft,
    @Inject(PendingPurges) private readonly pendingPurges: PendingPurges,
  ) {}

  /**
   * Deletes pages: every host and every allowed query of them. A page that is being rendered meanwhile is not stored.
   *
   * @param targets paths (`/posts/1`, encoded or not), URLs, or entities with `dependentPaths()`; `/posts/*` for a page and all below it
   * @returns how many pages were really deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged it
   * @throws {TypeError} when a target is none of these
   */
  async purge(...targets: PageTarget[]): Promise<PurgeReport> {
    return this.purger.paths(await targetPaths(targets, this.options.hosts));
  }

  /**
   * Deletes pages with one query alone, or without any: other queries of the same path stay.
   *
   * @param targets paths with their queries, or URLs
   * @returns as for `purge`
   * @throws {PurgeIncompleteError} when the store has not acknowledged it
   * @throws {TypeError} when a target is neither, or when its query can be no page's
   * @example
   * await pages.purgeExactly('/posts?page=2')
   */
  async purgeExactly(...targets: (string | URL)[]): Promise<PurgeReport> {
    return this.purger.exactly(targets.map((target) => exactPage(target, this.options)));
  }

  /**
   * Deletes a page and all below it: `/blog` takes `/blog` and `/blog/…`, not `/blogger`; `/` takes everything.
   *
   * @param path `/blog`, `/blog/` or `/blog/*`
   * @throws {PurgeIncompleteError} when the store has not acknowledged it, or cannot list its pages
   * @throws {TypeError} when it is no path, or a pattern of another kind
   */
  async purgeUnder(path: string): Promise<PurgeReport> {
    return this.purger.all(subtreeScopes(path));
  }

  /**
   * Deletes the pages whose raw path, with its query, matches.
   *
   * @throws {PurgeIncompleteError} when the store has not acknowledged it, or cannot list its pages
   */
  async purgeMatching(pattern: RegExp): Promise<PurgeReport> {
    pagePattern(pattern);
    return this.purger.purge({ kind: 'matching', source: pattern.source, flags: pattern.flags });
  }

  /**
   * Deletes every page that carries one of the tags. A store that has lost the tags of a page deletes it as well.
   *
   * @param tags as given to `@PageCache({ tags })` and `page.tag()`
   * @throws {PurgeIncompleteError} when the store has not acknowledged it
   */
  async purgeTags(...tags: string[]): Promise<PurgeReport> {
    return this.purger.purge({ kind: 'tags', tags });
  }

  /**
   * Deletes a fragment with `shared: true`: the pages that contain it stay, and show the new one.
   *
   * @param params those of `pageFragment()`; without any, the fragment with whatever parameters
   * @throws {PurgeIncompleteError} when the store has not acknowledged it, or cannot list its pages
   * @throws {TypeError} for a name or a parameter that is none
   * @example
   * await pages.purgeFragment('top-posts', { count: 5 })
   */
  async purgeFragment(name: string, params?: FragmentParams): Promise<PurgeReport> {
    const fragment = parseAddress(fragmentAddress(name, params ?? {}));
    const target = sharedAddress(fragment ?? { name, query: '' });
    return this.purger.purge(params ? { kind: 'targets', targets: [{ target }] } : { kind: 'under', path: target });
  }

  /**
   * Deletes every page of this site: everything under its prefix and nothing else.
   *
   * @throws {PurgeIncompleteError} when the store has not acknowledged it, or cannot list its pages
   */
  async purgeAll(): Promise<PurgeReport> {
    return this.purger.purge({ kind: 'all' });
  }

  /**
   * Renders pages through the application itself, as an anonymous visitor would see them, and stores them: those that are given, and every
   * other stored query of them. A page that is not a 200 any more is purged.
   *
   * @throws {PurgeIncompleteError} when such a purge is not acknowledged
   * @example
   * await pages.publish('/', '/feed', post)
   */
  async publish(...targets: PageTarget[]): Promise<PublishReport> {
    return this.publisher.publish(await targetPaths(targets, this.options.hosts));
  }

  /**
   * Publishes thousands of pages, for example after a deploy: at the very addresses that are given, so other queries of them stay as they are. It
   * makes way for visitors. An error or 429 makes it slower, and deletes nothing.
   *
   * @param targets paths with their queries, URLs, or entities with `dependentPaths()`, as an array or as they come
   * @param options how many at once, what to leave alone, and how to follow or end it
   * @returns what has become of each page
   * @throws {PurgeIncompleteError} when a page that is none any more could not be purged
   * @throws {TypeError} when a target is none of these
   * @throws {NginxCacheConfigError} when an option is wrong
   * @example
   * await pages.publishMany(['/', '/posts?page=2'], { skipStored: true })
   */
  async publishMany(
    targets: Iterable<PageTarget> | AsyncIterable<PageTarget>,
    options: PublishOptions = {},
  ): Promise<PublishManyReport> {
    if (typeof targets === 'string') throw new TypeError('publishMany() takes a list of targets, publish() takes one');
    return this.bulkPublisher.publish(targets, checked(publishOptionsSchema, options, { of: 'publishMany' }));
  }

  /**
   * Publishes the pages that a sitemap names, as `publishMany()` does: those of this site, by its `hosts` or its `origin`. An index is followed,
   * `hreflang` alternates are included, and files may be packed with gzip.
   *
   * @param source path or URL of the sitemap, which the application serves; or its content, as an async iterable of bytes
   * @param options as for `publishMany()`, and how many addresses to read
   * @returns what has become of each page, and of each sitemap
   * @throws {PurgeIncompleteError} when a page that is none any more could not be purged
   * @throws {TypeError} when the source is none of these, or belongs to another site
   * @throws {NginxCacheConfigError} when an option is wrong
   * @example
   * const report = await pages.publishSitemap('/sitemap.xml', { skipStored: true })
   * @see https://www.sitemaps.org/protocol.html
   */
  async publishSitemap(source: SitemapSource, options: PublishSitemapOptions = {}): Promise<PublishSitemapReport> {
    const given = checked(publishSitemapOptionsSchema, options, { of: 'publishSitemap' });
    const { limit = 100_000, ...others } = given;
    const { pages, ...read } = await this.sitemaps.read(source, limit, others.signal);
    const report = await this.bulkPublisher.publish(pages, others);
    return { ...report, ...read, isComplete: read.isComplete && report.isComplete };
  }

  /**
   * Renders stored pages again and replaces them in place: visitors get the old page until the new one is there, and nobody meets a gap.
   * Pages that are not stored are left alone; a page that is gone (404, 410, a redirect, 401, 403) is purged.
   *
   * @throws {PurgeIncompleteError} when such a purge is not acknowledged
   * @example
   * await pages.refresh('/', post)
   */
  async refresh(...targets: PageTarget[]): Promise<PublishReport> {
    return this.publisher.refresh(await targetPaths(targets, this.options.hosts));
  }

  /**
   * The stored page of a path, with an allowed query if it has one; of the first host and the first variant when there are several.
   *
   * @returns `undefined` when there is none, or when the store does not answer
   */
  async get(path: string): Promise<Page | undefined> {
    const addresses = this.addressesOf(path);
    // With and without a slash at its end, there may be two pages.
    const address = addresses.find((one) => one.path === canonicalPath(path)) ?? addresses[0];
    return this.storage.get(address?.key ?? '', {});
  }

  /** Whether the page of a path is stored. */
  async has(path: string): Promise<boolean> {
    return (await this.get(path)) !== undefined;
  }

  /** The exact strings that nginx looks up for a path: one for each host and variant. */
  keysFor(path: string): string[] {
    return this.addressesOf(path).map(({ key }) => this.storage.serverKey(key));
  }

  /**
   * Lists the stored pages, with age, remaining ttl, size and tags where the store knows them.
   *
   * @param filter `under` a path as in `purgeUnder`, or `matching` as in `purgeMatching`
   * @throws {TypeError} when one of them is wrong, or when the store cannot list. With several memcached servers, those that answer are listed
   *   before it rejects with the name of the one that does not
   */
  async *pages({ under = '/', matching }: { under?: string; matching?: RegExp } = {}): AsyncIterable<PageInfo> {
    const scopes = subtreeScopes(under);
    const regexp = matching && pagePattern(matching);
    const isMeant = (page: PageAddress) =>
      scopes.some((scope) => concerns(scope, page)) && (!regexp || regexp.test(page.target));
    for await (const some of chunks(storedPages(this.storage, this.keys), DESCRIBED_TOGETHER)) {
      const meant = some.filter(isMeant);
      const details = await this.storage.details(meant.map(({ key }) => key));
      for (const [index, page] of meant.entries()) {
        const server = this.storage.serverOf(page.key);
        yield { ...page, ...details[index], ...(server !== undefined && { server }) };
      }
    }
  }

  /**
   * Whether the store answers, and whether purges are pending. It never rejects. The site works without its store, so do not take an
   * application out of service for it.
   */
  async health(): Promise<PageCacheHealth> {
    return healthOf(this.storage, this.pendingPurges);
  }

  /** The page that is being rendered: anywhere below a handler whose answer may be stored. */
  current(): PageDraft | undefined {
    return this.currentDraft.get();
  }

  private addressesOf(path: string): PageAddress[] {
    const raw = canonicalPath(path);
    const query = rawQuery(path.split('#', 1)[0] ?? '');
    return this.keys.ofPath(raw, undefined, query);
  }
}
