import { Inject, Injectable } from '@nestjs/common';
import { checked } from '../checks/checked.js';
import { CurrentDraft } from '../caching/current-draft.js';
import type { PurgeReport } from '../purging/purge-report.js';
import { concerns } from '../stores/journal/purge-scope.js';
import { exactPage } from '../purging/exact-page.js';
import {
  canonicalPath,
  checkedTags,
  pagePattern,
  type PageTarget,
  subtreeScopes,
  targetPaths,
} from '../purging/purge-target.js';
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
import { describedPages } from '../stores/stored-pages.js';
import { healthOf, type PageCacheHealth } from './page-cache-health.js';

/**
 * A stored page, as `pages()` lists it: its address and its details.
 *
 * @publicApi
 */
export interface PageInfo extends PageAddress, Partial<PageDetails> {
  /** The server that has the page; absent if the store has no servers. */
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
   * Deletes pages, on every host and with every allowed query. A page that is being rendered in the meantime is not stored.
   *
   * @param targets paths (`/posts/1`, encoded or not), URLs, or entities with `dependentPaths()`; `/posts/*` is a page and everything below
   *   it
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge
   * @throws {TypeError} when a target is none of these
   * @example
   * await pages.purge('/', '/posts/*', post);
   */
  async purge(...targets: PageTarget[]): Promise<PurgeReport> {
    return this.purger.paths(await targetPaths(targets, this.options.hosts));
  }

  /**
   * Deletes pages with one query only, or without a query. Other queries of the same path stay.
   *
   * @param targets paths with their queries, or URLs
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge
   * @throws {TypeError} when a target is neither, or when no page can have its query
   * @example
   * await pages.purgeExactly('/posts?page=2');
   */
  async purgeExactly(...targets: (string | URL)[]): Promise<PurgeReport> {
    return this.purger.exactly(targets.map((target) => exactPage(target, this.options)));
  }

  /**
   * Deletes a page and everything below it: `/blog` deletes `/blog` and `/blog/…`, but not `/blogger`. `/` deletes everything.
   *
   * @param path `/blog`, `/blog/` or `/blog/*`
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge, or cannot list its pages
   * @throws {TypeError} when it is not a path, or a pattern of another kind
   * @example
   * await pages.purgeUnder('/blog');
   */
  async purgeUnder(path: string): Promise<PurgeReport> {
    return this.purger.all(subtreeScopes(path));
  }

  /**
   * Deletes the pages whose raw path with query matches.
   *
   * @param pattern matched against `/posts/k%C3%A4se?page=2`, for example
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge, or cannot list its pages
   * @example
   * await pages.purgeMatching(/^\/archive\/2019/);
   */
  async purgeMatching(pattern: RegExp): Promise<PurgeReport> {
    pagePattern(pattern);
    return this.purger.purge({ kind: 'matching', source: pattern.source, flags: pattern.flags });
  }

  /**
   * Deletes every page that carries one of the tags. If the store has lost the tags of a page, it deletes that page as well.
   *
   * @param tags as given to `@PageCache({ tags })` and `page.tag()`
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge
   * @throws {TypeError} when a tag is not a text
   * @example
   * await pages.purgeTags('post:1', 'posts');
   */
  async purgeTags(...tags: string[]): Promise<PurgeReport> {
    return this.purger.purge({ kind: 'tags', tags: checkedTags(tags) });
  }

  /**
   * Deletes a fragment with `shared: true`. The pages that contain it stay, and show the new fragment.
   *
   * @param name the name of the fragment
   * @param params the parameters, as for `pageFragment()`; without them, the fragment is deleted for all parameters
   * @returns how many fragments were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge, or cannot list its pages
   * @throws {TypeError} when the name or a parameter is invalid
   * @example
   * await pages.purgeFragment('top-posts', { count: 5 });
   */
  async purgeFragment(name: string, params?: FragmentParams): Promise<PurgeReport> {
    const fragment = parseAddress(fragmentAddress(name, params ?? {}));
    const target = sharedAddress(fragment ?? { name, query: '' });
    return this.purger.purge(params ? { kind: 'targets', targets: [{ target }] } : { kind: 'under', path: target });
  }

  /**
   * Deletes every page of this site: everything with its prefix, and nothing else.
   *
   * @returns how many pages were deleted, and how long it took
   * @throws {PurgeIncompleteError} when the store has not acknowledged the purge, or cannot list its pages
   */
  async purgeAll(): Promise<PurgeReport> {
    return this.purger.purge({ kind: 'all' });
  }

  /**
   * Renders pages and stores them. It uses the application itself, as an anonymous visitor. It renders the given pages, and every other
   * stored query of them. If a page no longer answers 200, it is purged.
   *
   * @param targets as for `purge()`
   * @returns what happened to each page
   * @throws {PurgeIncompleteError} when the store has not acknowledged such a purge
   * @throws {TypeError} when a target is none of these
   * @example
   * await pages.publish('/', '/feed', post);
   */
  async publish(...targets: PageTarget[]): Promise<PublishReport> {
    return this.publisher.publish(await targetPaths(targets, this.options.hosts));
  }

  /**
   * Publishes thousands of pages, for example after a deploy. It renders exactly the given addresses; other queries of them stay as they
   * are. Visitors come first. An error or a 429 slows it down, and deletes nothing.
   *
   * @param targets paths with their queries, URLs, or entities with `dependentPaths()`: an array, or an async iterable that produces them
   *   one by one
   * @param options how many pages at once, which pages to leave alone, and how to follow or stop it
   * @returns what happened to each page
   * @throws {PurgeIncompleteError} when a page that no longer exists could not be purged
   * @throws {TypeError} when a target is none of these
   * @throws {NginxCacheConfigError} when an option is wrong
   * @example
   * await pages.publishMany(['/', '/posts?page=2'], { skipStored: true });
   */
  async publishMany(
    targets: Iterable<PageTarget> | AsyncIterable<PageTarget>,
    options: PublishOptions = {},
  ): Promise<PublishManyReport> {
    if (typeof targets === 'string') throw new TypeError('publishMany() takes a list of targets, publish() takes one');
    return this.bulkPublisher.publish(targets, checked(publishOptionsSchema, options, { of: 'publishMany' }));
  }

  /**
   * Publishes the pages of a sitemap, like `publishMany()`. It publishes only pages of this site, by its `hosts` or its `origin`. It
   * follows indexes, includes `hreflang` alternates, and reads files compressed with gzip.
   *
   * @param source path or URL of a sitemap that the application serves; or its content, as an async iterable of bytes
   * @param options as for `publishMany()`, and how many addresses to read
   * @returns what happened to each page, and to each sitemap
   * @throws {PurgeIncompleteError} when a page that no longer exists could not be purged
   * @throws {TypeError} when the source is none of these, or belongs to another site
   * @throws {NginxCacheConfigError} when an option is wrong
   * @example
   * const report = await pages.publishSitemap('/sitemap.xml', { skipStored: true });
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
   * Renders stored pages again and replaces them in place. Visitors get the old page until the new one is stored, so there is never a gap.
   * Pages that are not stored are left alone. A page that is gone (404, 410, 403, …, a redirect) is purged.
   *
   * @param targets as for `purge()`
   * @returns what happened to each page
   * @throws {PurgeIncompleteError} when the store has not acknowledged such a purge
   * @throws {TypeError} when a target is none of these
   * @example
   * await pages.refresh('/', post);
   */
  async refresh(...targets: PageTarget[]): Promise<PublishReport> {
    return this.publisher.refresh(await targetPaths(targets, this.options.hosts));
  }

  /**
   * Reads a stored page. With several hosts or variants, it reads the page of the first ones.
   *
   * @param path a path, with an allowed query if the page has one
   * @returns `undefined` if the page is not stored, or the store does not answer
   * @example
   * const page = await pages.get('/posts/1');
   */
  async get(path: string): Promise<Page | undefined> {
    const addresses = this.addressesOf(path);
    // There may be two pages: with and without a slash at the end.
    const address = addresses.find((one) => one.path === canonicalPath(path)) ?? addresses[0];
    return this.storage.get(address?.key ?? '', {});
  }

  /**
   * Whether a page is stored.
   *
   * @param path as for `get()`
   * @returns `false` also if the store does not answer
   */
  async has(path: string): Promise<boolean> {
    return (await this.get(path)) !== undefined;
  }

  /**
   * The exact strings that nginx looks up for a path.
   *
   * @param path as for `get()`
   * @returns one key for each host and variant
   * @example
   * pages.keysFor('/posts/1'); // ['page:/posts/1']
   */
  keysFor(path: string): string[] {
    return this.addressesOf(path).map(({ key }) => this.storage.serverKey(key));
  }

  /**
   * Lists the stored pages, with their age, remaining ttl, size and tags if the store knows them.
   *
   * @param filter `under` is a path as for `purgeUnder()`, `matching` a pattern as for `purgeMatching()`
   * @returns the pages, one by one
   * @throws {TypeError} when one of them is wrong, or when the store cannot list. With several memcached servers, it lists the pages of
   *   those that answer, and then rejects with the name of the one that does not
   * @example
   * for await (const { path, size } of pages.pages({ under: '/blog' })) console.log(path, size);
   */
  async *pages({ under = '/', matching }: { under?: string; matching?: RegExp } = {}): AsyncIterable<PageInfo> {
    const scopes = subtreeScopes(under);
    const regexp = matching && pagePattern(matching);
    const isMeant = (page: PageAddress) =>
      scopes.some((scope) => concerns(scope, page)) && (!regexp || regexp.test(page.target));
    yield* describedPages(this.storage, this.keys, isMeant);
  }

  /**
   * Asks whether the store answers, and whether purges are pending. The site works without its store, so do not take an application out of
   * service when the cache is unhealthy.
   *
   * @returns one entry for each server; it never rejects
   */
  async health(): Promise<PageCacheHealth> {
    return healthOf(this.storage, this.pendingPurges);
  }

  /**
   * The page that is being rendered. You can call it anywhere below a handler whose response may be stored.
   *
   * @returns `undefined` elsewhere
   * @example
   * pages.current()?.tag('posts');
   */
  current(): PageDraft | undefined {
    return this.currentDraft.get();
  }

  private addressesOf(path: string): PageAddress[] {
    const raw = canonicalPath(path);
    const query = rawQuery(path.split('#', 1)[0] ?? '');
    return this.keys.ofPath(raw, undefined, query);
  }
}
