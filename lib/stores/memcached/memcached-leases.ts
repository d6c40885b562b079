import { createHash } from 'node:crypto';
import type { LeaseAnswer, RenderLease } from '../render-lease.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/** So long a lease stays that nobody renews, in milliseconds; others need not wait for that. */
const TTL = 2000;
/** How often it is renewed, in milliseconds. */
const BEAT = 250;
const RENDERING = { bytes: Buffer.from('rendering'), flags: 0 };
const ALONE = { bytes: Buffer.from('alone'), flags: 0 };

/** Who renders which page: an item for each, which `add` gives to one process. */
export class MemcachedLeases {
  readonly #held = new Set<MemcachedLease>();

  /** @param prefix of their keys */
  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly prefix: string,
  ) {}

  /** @param silent the beat of a process that has died */
  async take(key: string, silent: string | undefined): Promise<LeaseAnswer> {
    // Any page key is short enough that way.
    const item = this.prefix + createHash('sha1').update(key, 'latin1').digest('base64url');
    const version = await this.client.compareAndSet(item, RENDERING, TTL, silent);
    if (version !== undefined) {
      const lease = new MemcachedLease(this.client, item, version, () => this.#held.delete(lease));
      this.#held.add(lease);
      return { kind: 'granted', lease };
    }
    const held = await this.client.getForUpdate(item);
    return held?.bytes.equals(ALONE.bytes) ? { kind: 'alone' } : { kind: 'taken', beat: held?.cas ?? '' };
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#held, (lease) => lease.end(undefined)));
  }
}

class MemcachedLease implements RenderLease {
  readonly #timer: NodeJS.Timeout;
  #isUseful = () => true;
  /** `undefined` once somebody else has it. */
  #version: Promise<string | undefined>;

  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly item: string,
    version: string,
    private readonly onEnd: () => void,
  ) {
    this.#version = Promise.resolve(version);
    this.#timer = setInterval(() => this.beat(), BEAT).unref();
  }

  keepWhile(isUseful: () => boolean): void {
    this.#isUseful = isUseful;
  }

  release(isPage: boolean): void {
    void this.end(isPage ? undefined : ALONE);
  }

  /** @param left what is put in its place */
  async end(left: typeof ALONE | undefined): Promise<void> {
    clearInterval(this.#timer);
    this.onEnd();
    const version = await this.#version;
    if (version === undefined) return;
    const done = left
      ? this.client.compareAndSet(this.item, left, TTL, version)
      : this.client.compareAndDelete(this.item, version);
    // It lapses by itself.
    await done.catch(() => {});
  }

  private beat(): void {
    if (!this.#isUseful()) return this.release(true);
    this.#version = this.#version
      .then((version) => version && this.client.compareAndSet(this.item, RENDERING, TTL, version))
      .catch(() => undefined);
  }
}
