import type { PageStore } from './page-store.js';
import { addressesIn } from './server-list.js';
import { StoragePart } from './storage-part.js';

/** Servers that are in the list of another process alone. A process that was started later has another list: pages may be on any server of both. */
export class ServersOfOthers {
  /** By their addresses. */
  readonly #opened = new Map<string, StoragePart>();

  /** @param open opens a server that is not in the own list */
  constructor(
    private readonly prefix: string,
    private readonly open: ((address: string) => PageStore) | undefined,
  ) {}

  /** @param own the servers of the own list */
  beside(own: readonly StoragePart[]): readonly StoragePart[] {
    const servers = new Set(own.map(({ server }) => server));
    const addresses = new Set(otherLists(own).flatMap(addressesIn));
    return [...addresses].filter((address) => !servers.has(address)).flatMap((address) => this.at(address));
  }

  /** What was begun there is not stored any more. */
  retire(): void {
    for (const { journal } of this.#opened.values()) journal.editions.isRetired = true;
    void this.close();
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#opened.values(), ({ store }) => store.keyv.disconnect()));
  }

  private at(address: string): StoragePart[] {
    const known = this.#opened.get(address);
    if (known) return [known];
    if (!this.open) return [];
    const part = new StoragePart(this.open(address), this.prefix, () => false);
    this.#opened.set(address, part);
    return [part];
  }
}

/** The lists of processes that were started later. */
export function otherLists(own: readonly StoragePart[]): string[] {
  return own.flatMap(({ journal: { editions } }) => {
    const list = editions.claim?.servers;
    return list === undefined || list === editions.own?.servers ? [] : [list];
  });
}
