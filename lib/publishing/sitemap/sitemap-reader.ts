import { inspect } from 'node:util';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { untilAborted } from '../../async/until-aborted.js';
import type { CheckedOptions } from '../../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../../options/tokens.js';
import { InnerRequests } from '../inner-requests.js';
import type { PublishSitemapReport } from '../publish-report.js';
import { OwnAddresses } from './own-addresses.js';
import { sitemapEntries } from './sitemap-entries.js';
import type { SitemapEntry } from './sitemap-parser.js';

/** How deep sitemaps may be nested: an index names sitemaps, and some sites have an index of indexes. */
const MAX_DEPTH = 3;
/** How many files are read at most. */
const MAX_SITEMAPS = 1000;

/**
 * A sitemap: the path or URL at which the application serves it, or its content if it comes from elsewhere.
 *
 * @publicApi
 */
export type SitemapSource = string | URL | AsyncIterable<Uint8Array>;

/** What the sitemaps contain. */
export interface SitemapContents extends Pick<
  PublishSitemapReport,
  'sitemaps' | 'foreign' | 'invalid' | 'isTruncated' | 'isComplete'
> {
  /** The site's own addresses, each once. */
  readonly pages: readonly string[];
}

interface File {
  readonly location: string;
  readonly depth: number;
  /** Reads the file, and gives each of its entries to the caller. */
  readonly read: (use: (entry: SitemapEntry) => void) => Promise<void>;
}

/** Reads sitemaps, and everything that they name, through the application itself. */
@Injectable()
export class SitemapReader implements OnModuleDestroy {
  readonly #stop = new AbortController();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(InnerRequests) private readonly requests: InnerRequests,
  ) {}

  /** No sitemap is read to its end any more. */
  onModuleDestroy(): void {
    this.#stop.abort();
  }

  /** @throws {TypeError} when the source is not a valid one, or belongs to another site */
  async read(source: SitemapSource, limit: number, given: AbortSignal | undefined): Promise<SitemapContents> {
    const signal = AbortSignal.any([this.#stop.signal, ...(given ? [given] : [])]);
    const { own, files } = this.begin(source, signal);
    const pages = new Set<string>();
    const sitemaps: { location: string; error?: string }[] = [];
    const counts = { foreign: 0, invalid: 0 };
    let isTruncated = false;
    const known = new Set(files.map(({ location }) => location));
    for (let file = files.shift(); file; file = files.shift()) {
      const { location, depth } = file;
      const use = (entry: SitemapEntry) => {
        const url = own.read(entry.location);
        if (typeof url === 'string') counts[url] += 1;
        else if (entry.kind === 'page') {
          url.hash = '';
          if (pages.size < limit || pages.has(url.href)) pages.add(url.href);
          else isTruncated = true;
        } else if (depth < MAX_DEPTH && known.size < MAX_SITEMAPS) {
          if (!known.has(url.href)) files.push(this.served(url, own, depth + 1, signal));
          known.add(url.href);
        } else isTruncated = true;
      };
      if (signal.aborted) break;
      try {
        await file.read(use);
        sitemaps.push({ location });
      } catch (error) {
        sitemaps.push({ location, error: error instanceof Error ? error.message : String(error) });
      }
    }
    return { pages: [...pages], sitemaps, ...counts, isTruncated, isComplete: !signal.aborted };
  }

  private begin(source: SitemapSource, signal: AbortSignal): { own: OwnAddresses; files: File[] } {
    const { hosts } = this.options;
    const own = new OwnAddresses(this.options);
    if (typeof source === 'object' && Symbol.asyncIterator in source) {
      return { own, files: [{ location: '-', depth: 1, read: (use) => readAll(untilAborted(source, signal), use) }] };
    }
    if (typeof source === 'string' && source.startsWith('/')) {
      // Each host may have a sitemap of its own.
      const files = (hosts ?? [undefined]).map((host): File => {
        const location = host === undefined ? source : `https://${host}${source}`;
        return { location, depth: 1, read: (use) => this.ask(source, host, signal, use) };
      });
      return { own, files };
    }
    const url = typeof source === 'string' && URL.canParse(source) ? new URL(source) : source;
    if (!(url instanceof URL)) {
      throw new TypeError(
        `${inspect(source, { depth: 0 })} is not a sitemap: give a path like "/sitemap.xml", a URL, or the bytes of the file as an async iterable`,
      );
    }
    const named = new OwnAddresses(this.options, url.host);
    if (typeof named.read(url.href) === 'string') throw new TypeError(`${url.href} is not a sitemap of this site`);
    return { own: named, files: [this.served(url, named, 1, signal)] };
  }

  private served(url: URL, own: OwnAddresses, depth: number, signal: AbortSignal): File {
    const target = url.pathname + url.search;
    return { location: url.href, depth, read: (use) => this.ask(target, own.hostOf(url), signal, use) };
  }

  private async ask(
    target: string,
    host: string | undefined,
    signal: AbortSignal,
    use: (entry: SitemapEntry) => void,
  ): Promise<void> {
    await this.requests.ready();
    return this.requests.send({ target, host, signal }, async ({ status, headers, body }) => {
      if (status === 200) return readAll(body as AsyncIterable<Uint8Array>, use);
      body.resume();
      const location = headers['location']?.toString();
      throw new Error(`the application answers ${status}${location === undefined ? '' : ` and names ${location}`}`);
    });
  }
}

async function readAll(content: AsyncIterable<Uint8Array>, use: (entry: SitemapEntry) => void): Promise<void> {
  for await (const entry of sitemapEntries(content)) use(entry);
}
