import type { PageStore } from './page-store.js';
import { addressesIn } from './server-list.js';
import { StoragePart } from './storage-part.js';

/** Servers that are only in the lists of other processes. If such a process was started later, pages may be on any server of both lists. */
export class ServersOfOthers {
  /** The servers that have been opened, by their addresses. */
  readonly #opened = new Map<string, StoragePart>();

  /** @param open opens a server that is not in the list of this process */
  constructor(
    private readonly prefix: string,
    private readonly open: ((address: string) => PageStore) | undefined,
  ) {}

  /** @param own the servers in the list of this process */
  beside(own: readonly StoragePart[]): readonly StoragePart[] {
    const servers = new Set(own.map(({ server }) => server));
    const addresses = new Set(otherLists(own).flatMap(addressesIn));
    return [...addresses].filter((address) => !servers.has(address)).flatMap((address) => this.at(address));
  }

  /** Renderings that began there are not stored any more. */
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
