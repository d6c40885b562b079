import { createHash } from 'node:crypto';
import { copyKey } from '../../page/copy-key.js';
import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey } from '../../page/memcached-key.js';
import type { StoredValue } from '../../page/page-format.js';
import type { CopyTimes } from '../stale-copy.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/**
 * Copies of pages. Each is in an item of its own, which nginx finds by a key of its own. Its times, which nginx need not know, are in another item
 * beside it.
 */
export class MemcachedCopies {
  readonly #begin: string;

  constructor(
    private readonly client: MemcachedMetaClient,
    prefix: string,
  ) {
    // The key is not under the prefix, because the item is no page.
    this.#begin = `*${memcachedKey(prefix)}stale:`;
  }

  /**
   * The key of the copy on the server.
   *
   * @returns `undefined` when it would be too long: such a page has no copy, and nginx looks for none
   */
  static keyOf(key: string): string | undefined {
    const serverKey = memcachedKey(copyKey(key));
    return serverKey.length <= MEMCACHED_KEY_MAX_LENGTH ? serverKey : undefined;
  }

  /** Writes the times of a copy that is there already, or that goes out together with them. */
  async writeTimes(serverKey: string, { stored, ended, whileRevalidate, ifError }: CopyTimes): Promise<void> {
    const bytes = Buffer.from([stored, ended, whileRevalidate, ifError].join(' '));
    await this.client.set(this.itemOf(serverKey), { bytes, flags: 0 }, ifError - stored);
  }

  /** @returns `undefined` when there is no copy, or when its times are lost */
  async read(key: string): Promise<{ readonly value: StoredValue; readonly times: CopyTimes } | undefined> {
    const serverKey = MemcachedCopies.keyOf(key);
    if (serverKey === undefined) return undefined;
    // The times are read first: a copy that is stored in between is younger than they say, and not older.
    const [[item], value] = await Promise.all([
      this.client.getMany([this.itemOf(serverKey)]),
      this.client.get(serverKey),
    ]);
    const times = item && timesIn(item);
    return value && times && { value, times };
  }

  private itemOf(serverKey: string): string {
    return `${this.#begin}${createHash('sha256').update(serverKey, 'latin1').digest('base64url').slice(0, 24)}`;
  }
}

function timesIn(item: Buffer): CopyTimes | undefined {
  const text = item.toString('latin1');
  if (!/^\d{1,15}(?: \d{1,15}){3}$/.test(text)) return undefined;
  const [stored = 0, ended = 0, whileRevalidate = 0, ifError = 0] = text.split(' ').map(Number);
  return { stored, ended, whileRevalidate, ifError };
}
