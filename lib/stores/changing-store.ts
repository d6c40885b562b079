import type { Keyv } from 'keyv';
import type { Page } from '../page/page.js';
import type { SpreadStore } from './page-store.js';
import { spreadKeyv } from './spread-keyv.js';

/** So long the connections to the servers of before are kept for purges that are under way, in milliseconds. */
const RETIREMENT = 30_000;

/** A store whose servers change. Whoever has its Keyv reads from the servers of the moment. */
export class ChangingStore implements SpreadStore {
  readonly keyv: Keyv<Page>;
  /** What the connections are kept of, with the timers that end it. */
  readonly #retired = new Map<SpreadStore, NodeJS.Timeout>();

  /** @param prefix of all keys of the site */
  constructor(
    private current: SpreadStore,
    prefix: string,
  ) {
    this.keyv = spreadKeyv(() => this.current, prefix);
    this.keyv.once('disconnect', () => {
      for (const store of this.#retired.keys()) this.close(store);
    });
  }

  get servers(): SpreadStore['servers'] {
    return this.current.servers;
  }

  /** Of the moment: whoever keeps it keeps that list. */
  get serverOf(): SpreadStore['serverOf'] {
    return this.current.serverOf;
  }

  /** Other servers hold from now on. */
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
