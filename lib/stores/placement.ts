import type { Arrival } from './journal/purge-check.js';
import type { PageStore, SpreadStore } from './page-store.js';
import { StoragePart } from './storage-part.js';

/**
 * Returns the server that a page was on when a request came in, and what this process knew of the journal of that server at that moment.
 *
 * @param key the key of the page
 */
export type StorageArrival = (key: string) => { readonly part: StoragePart; readonly arrival: Arrival };

/** The servers, and which of them each page is on. */
export class Placement {
  readonly parts: readonly StoragePart[];
  readonly #placeOf: (key: string) => number;

  constructor(store: PageStore | SpreadStore, prefix: string) {
    const stores = 'servers' in store ? store.servers : [store];
    const { serverOf } = 'servers' in store ? store : { serverOf: () => 0 };
    this.#placeOf = serverOf;
    this.parts = stores.map((one, place) => new StoragePart(one, prefix, (key) => serverOf(key) === place));
  }

  partOf(key: string): StoragePart {
    return this.parts[this.#placeOf(key)]!;
  }

  arrive(): StorageArrival {
    const positions = this.parts.map(({ journal }) => journal.window.position);
    const time = Date.now();
    return (key) => {
      const place = this.#placeOf(key);
      return { part: this.parts[place]!, arrival: { position: positions[place]!, time } };
    };
  }
}
