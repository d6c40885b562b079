import { hash } from 'node:crypto';
import { HeldLease, LEASE_TTL } from '../held-lease.js';
import { inTime } from '../../async/in-time.js';
import type { LeaseAnswer } from '../render-lease.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/** How long a process that ends waits for memcached, in milliseconds. */
const CLOSING = 250;
const RENDERING = { bytes: Buffer.from('rendering'), flags: 0 };
const ALONE = { bytes: Buffer.from('alone'), flags: 0 };

/** Which process renders which page. A lease is an item, which `add` gives to one process only. */
export class MemcachedLeases {
  readonly #held = new Set<MemcachedLease>();
  #closed = false;

  /** @param prefix of their keys */
  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly prefix: string,
  ) {}

  /** @param silent the beat of a process that has died */
  async take(key: string, silent: string | undefined): Promise<LeaseAnswer> {
    // A page that is rendered from now on cannot be stored.
    if (this.#closed) return { kind: 'alone' };
    // The hash of any page key is short enough.
    const item = this.prefix + hash('sha1', Buffer.from(key, 'latin1'), 'base64url');
    const version = await this.client.compareAndSet(item, RENDERING, LEASE_TTL, silent);
    if (version !== undefined) {
      const lease = new MemcachedLease(this.client, item, version, () => this.#held.delete(lease));
      this.#held.add(lease);
      return { kind: 'granted', lease };
    }
    const held = await this.client.getForUpdate(item);
    return held?.bytes.equals(ALONE.bytes) ? { kind: 'alone' } : { kind: 'taken', beat: held?.cas ?? '' };
  }

  /** Leases that cannot be given back in time lapse by themselves. */
  async close(): Promise<void> {
    this.#closed = true;
    await inTime(Promise.all(Array.from(this.#held, (lease) => lease.end(true))), CLOSING);
  }
}

class MemcachedLease extends HeldLease {
  /** The version of the item; `undefined` once another process has the lease. */
  #version: Promise<string | undefined>;

  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly item: string,
    version: string,
    onEnd: () => void,
  ) {
    super(onEnd);
    this.#version = Promise.resolve(version);
  }

  protected renew(): void {
    this.#version = this.#version
      .then((version) => version && this.client.compareAndSet(this.item, RENDERING, LEASE_TTL, version))
      .catch(() => undefined)
      .then((version) => {
        if (version === undefined) this.lose();
        return version;
      });
  }

  protected async give(isPage: boolean): Promise<void> {
    const version = await this.#version;
    if (version === undefined) return;
    const done = isPage
      ? this.client.compareAndDelete(this.item, version)
      : this.client.compareAndSet(this.item, ALONE, LEASE_TTL, version);
    await done.catch(() => {});
  }
}
