import type { PageInfo } from '../module/page-cache.service.js';
import { flat } from '../operations/flat.js';
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

/** Which of the stored pages to show. */
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
  /** When they were listed: Unix time in milliseconds; `undefined` if these are the pages that have been found so far. */
  readonly listed: number | undefined;
  /** Why the list is not complete. */
  readonly problem: string | undefined;
  /** Whether a newer list is being read. */
  readonly isReading: boolean;
  readonly pages: readonly PageInfo[];
}

/** How many pages can be described in a moment. */
const FEW = 5000;

/** How long somebody waits for a new list before he gets what there is, in milliseconds. */
const PATIENCE = 300;

/**
 * The stored pages, as they were a moment ago. The store lists a hundred thousand addresses in about a second, but everything else that it
 * knows about them takes ten times as long. So that is asked for the pages that are shown, and for all pages only if the search or the order
 * depends on it. A list that takes long is shown as it grows.
 */
export class PageListing {
  readonly #addresses: Snapshot<PageInfo>;
  readonly #pages: Snapshot<PageInfo>;
  readonly #sorted = new WeakMap<readonly PageInfo[], Map<Order, readonly PageInfo[]>>();

  constructor(private readonly site: Site) {
    this.#addresses = new Snapshot(() => this.addressed());
    this.#pages = new Snapshot(() => site.pages.pages());
  }

  /** From now on, pages are listed anew. */
  forget(): void {
    this.#addresses.forget();
    this.#pages.forget();
  }

  /** Lists the pages now, because somebody will soon want to see them. */
  begin(): void {
    void this.#addresses.take(0);
  }

  /** All pages, with at least their addresses. */
  async all(): Promise<readonly PageInfo[]> {
    const { items } = await this.#addresses.take();
    return items.length <= FEW ? (await this.#pages.take()).items : items;
  }

  async select({ search, order, isDescending, offset, limit }: PageQuery): Promise<PageSelection> {
    const isDetailed = order !== 'page' || needsDetails(search);
    const { items, taken, problem, isReading } = await (isDetailed ? this.#pages : this.#addresses).take(PATIENCE);
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
      isReading,
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
      // Not by spreading, which takes longer than listing.
      yield Object.assign(page, { server: storage.serverOf(page.key) });
    }
  }

  private async described(pages: readonly PageInfo[]): Promise<PageInfo[]> {
    // If a server is down, its pages cannot be described; their addresses are known.
    const details = await this.site
      .get(PageStorage)
      .details(pages.map(({ key }) => key))
      .catch(() => []);
    return pages.map((page, index) => ({ ...page, ...details[index] }));
  }
}

/** Pages for which the store does not tell the value come last. */
function sortedBy(order: Order, pages: readonly PageInfo[]): readonly PageInfo[] {
  const rows = pages.map((page) => {
    const target = flat(page.target);
    return { page, target, value: order === 'page' ? target : ORDERS[order](page) };
  });
  rows.sort(({ value: a, target }, { value: b, target: other }) => {
    if (a === b) return target < other ? -1 : target > other ? 1 : 0;
    if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
    return a < b ? -1 : 1;
  });
  return rows.map(({ page }) => page);
}
