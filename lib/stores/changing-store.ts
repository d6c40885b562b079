import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { SpreadStore } from './page-store.js';
import { spreadKeyv } from './spread-keyv.js';

/** How long the connections to the former servers are kept for purges that are under way, in milliseconds. */
const RETIREMENT = 30_000;

/** A store whose servers change. Its Keyv always reads from the current servers. */
export class ChangingStore implements SpreadStore {
  readonly keyv: Keyv<Page>;
  /** Former stores whose connections are still kept, with the timers that close them. */
  readonly #retired = new Map<SpreadStore, NodeJS.Timeout>();

  /** @param prefix of all keys of the site */
  constructor(
    private current: SpreadStore,
    prefix: string,
  ) {
    this.keyv = spreadKeyv(() => this.current, prefix);
    // Not `once()`: of two such listeners, Keyv calls only the first.
    this.keyv.on('disconnect', () => {
      for (const store of this.#retired.keys()) this.close(store);
    });
  }

  get servers(): SpreadStore['servers'] {
    return this.current.servers;
  }

  /** By the current list. A caller that keeps this function keeps that list. */
  get serverOf(): SpreadStore['serverOf'] {
    return this.current.serverOf;
  }

  /** Switches to other servers. */
  replace(next: SpreadStore): void {
    const former = this.current;
    this.current = next;
    this.#retired.set(former, setTimeout(() => this.close(former), RETIREMENT).unref());
  }

  private close(store: SpreadStore): void {
    clearTimeout(this.#retired.get(store));
    this.#retired.delete(store);
    void store.keyv.disconnect();
  }
}
