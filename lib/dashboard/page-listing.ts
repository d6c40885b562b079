import type { PageInfo } from '../module/page-cache.service.js';
import type { Site } from '../operations/site.js';
import { PageKeys } from '../page/page-key.js';
import { PageStorage } from '../stores/page-storage.js';
import { storedPages } from '../stores/stored-pages.js';
import { isSought, needsDetails } from './page-search.js';
import { Snapshot } from './snapshot.js';

const ORDERS = {
  page: ({ target }: PageInfo) => target,
  age: ({ age }: PageInfo) => age,
  ttl: ({ ttl }: PageInfo) => (ttl === 0 ? Infinity : ttl),
  size: ({ size }: PageInfo) => size,
  read: ({ isRead }: PageInfo) => (isRead === undefined ? undefined : Number(isRead)),
} as const;

export type Order = keyof typeof ORDERS;

export function isOrder(name: string): name is Order {
  return Object.hasOwn(ORDERS, name);
}

/** Which of the stored pages somebody wants to see. */
export interface PageQuery {
  readonly search: string;
  readonly order: Order;
  readonly isDescending: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** Some of the stored pages. */
export interface PageSelection {
  readonly total: number;
  readonly matching: number;
  /** When they were listed: Unix time in milliseconds. */
  readonly listed: number;
  /** Why not all of them could be. */
  readonly problem: string | undefined;
  readonly pages: readonly PageInfo[];
}

/** So many pages are described in a moment. */
const FEW = 5000;

/**
 * The stored pages, as they were a moment ago. Of a hundred thousand, the store lists the addresses in about a second, but what else it knows of them
 * takes ten times as long: that is asked for those that are shown, and for all of them only where the search or the order depends on it.
 */
export class PageListing {
  readonly #addresses: Snapshot<PageInfo>;
  readonly #pages: Snapshot<PageInfo>;
  readonly #sorted = new WeakMap<readonly PageInfo[], Map<Order, readonly PageInfo[]>>();

  constructor(private readonly site: Site) {
    this.#addresses = new Snapshot(() => this.addressed());
    this.#pages = new Snapshot(() => site.pages.pages());
  }

  /** What is listed from now on is newer. */
  forget(): void {
    this.#addresses.forget();
    this.#pages.forget();
  }

  /** Of all pages, at least their addresses. */
  async all(): Promise<readonly PageInfo[]> {
    const { items } = await this.#addresses.take();
    return items.length <= FEW ? (await this.#pages.take()).items : items;
  }

  async select({ search, order, isDescending, offset, limit }: PageQuery): Promise<PageSelection> {
    const isDetailed = order !== 'page' || needsDetails(search);
    const { items, taken, problem } = await (isDetailed ? this.#pages : this.#addresses).take();
    const sorted = this.sorted(items, order);
    const matching = search.trim() === '' ? sorted : sorted.filter(isSought(search));
    const end = matching.length - offset;
    const shown = isDescending
      ? matching.slice(Math.max(0, end - limit), Math.max(0, end)).toReversed()
      : matching.slice(offset, offset + limit);
    return {
      total: items.length,
      matching: matching.length,
      listed: taken,
      problem,
      pages: isDetailed ? shown : await this.described(shown),
    };
  }

  private sorted(items: readonly PageInfo[], order: Order): readonly PageInfo[] {
    const known = this.#sorted.get(items) ?? new Map<Order, readonly PageInfo[]>();
    this.#sorted.set(items, known);
    const sorted = known.get(order) ?? sortedBy(order, items);
    known.set(order, sorted);
    return sorted;
  }

  private async *addressed(): AsyncGenerator<PageInfo, void, undefined> {
    const storage = this.site.get(PageStorage);
    for await (const page of storedPages(storage, this.site.get(PageKeys))) {
      yield { ...page, server: storage.serverOf(page.key) };
    }
  }

  private async described(pages: readonly PageInfo[]): Promise<PageInfo[]> {
    // Without a server, its pages cannot be described; their addresses are known.
    const details = await this.site
      .get(PageStorage)
      .details(pages.map(({ key }) => key))
      .catch(() => []);
    return pages.map((page, index) => ({ ...page, ...details[index] }));
  }
}

/** What the store does not say comes last. */
function sortedBy(order: Order, pages: readonly PageInfo[]): readonly PageInfo[] {
  const value = ORDERS[order];
  return pages.toSorted((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === b) return one.target < other.target ? -1 : 1;
    if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
    return a < b ? -1 : 1;
  });
}
