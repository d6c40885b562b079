import { createHash } from 'node:crypto';
import { pageKeyOfCopy } from '../../page/copy-key.js';
import { memcachedKey } from '../../page/memcached-key.js';
import type { StoredValue } from '../../page/page-format.js';
import { chunks } from '../../async/chunks.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/** The position of the checksum of a page's tags in the client flags. The bits below belong to the format. */
const SHIFT = 8;

/** How many pages are asked about together. */
const CHUNK = 1000;

/**
 * Keeps the tags of a page in an item beside it. memcached may lose that item and keep the page, or the other way round, so the flags of the page
 * contain a checksum of its tags: 0 when it has none. If the two do not match, the tags of the page are unknown.
 */
export class MemcachedTags {
  readonly #begin: string;

  constructor(
    private readonly client: MemcachedMetaClient,
    prefix: string,
  ) {
    // The key is not under the prefix, because the item is no page.
    this.#begin = `*${memcachedKey(prefix)}tags:`;
  }

  /** The item beside a page and its copy, by the key of either on the server. */
  itemOf(serverKey: string): string {
    const key = pageKeyOfCopy(serverKey) ?? serverKey;
    return `${this.#begin}${createHash('sha256').update(key, 'latin1').digest('base64url').slice(0, 24)}`;
  }

  /** The checksum of tags, as a part of the flags of their page. */
  static flagsOf(tags: readonly string[]): number {
    if (tags.length === 0) return 0;
    const checksum = createHash('sha256').update(encode(tags)).digest().readUIntBE(0, 3) || 1;
    return checksum * 2 ** SHIFT;
  }

  /** The value with the checksum of its tags in its flags. */
  static marked({ bytes, flags }: StoredValue, tags: readonly string[] = []): StoredValue {
    return { bytes, flags: flags + MemcachedTags.flagsOf(tags) };
  }

  /** The value as the format has made it, without the checksum. */
  static unmarked({ bytes, flags }: StoredValue): StoredValue {
    return { bytes, flags: flags % 2 ** SHIFT };
  }

  /** Writes the item beside a page that has tags. */
  async write(serverKey: string, tags: readonly string[] = [], ttl: number): Promise<void> {
    if (tags.length > 0) await this.client.set(this.itemOf(serverKey), { bytes: encode(tags), flags: 0 }, ttl);
  }

  /** The items beside these pages. */
  items(serverKeys: readonly string[]): Promise<(Buffer | undefined)[]> {
    return this.client.getMany(serverKeys.map((key) => this.itemOf(key)));
  }

  /**
   * The tags of a page.
   *
   * @param flags the flags of the page
   * @param item the item beside the page
   * @returns `undefined` when the tags are unknown
   */
  static read(flags: number, item: Buffer | undefined): readonly string[] | undefined {
    const checksum = Math.floor(flags / 2 ** SHIFT);
    if (checksum === 0) return [];
    const tags = decode(item);
    return tags && MemcachedTags.flagsOf(tags) === checksum * 2 ** SHIFT ? tags : undefined;
  }

  /** Of these pages, those with one of the tags, and those whose tags are unknown. */
  async *concerned(
    serverKeys: AsyncIterable<string>,
    wanted: readonly string[],
  ): AsyncGenerator<string, void, undefined> {
    const known = new Set(wanted);
    for await (const chunk of chunks(serverKeys, CHUNK)) {
      const [flags, items] = await Promise.all([this.client.flagsOf(chunk), this.items(chunk)]);
      for (const [index, key] of chunk.entries()) {
        const tags = MemcachedTags.read(flags[index] ?? 0, items[index]);
        if (!tags || tags.some((tag) => known.has(tag))) yield key;
      }
    }
  }
}

function encode(tags: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(tags.toSorted()));
}

function decode(bytes: Buffer | undefined): string[] | undefined {
  try {
    const tags: unknown = bytes && JSON.parse(bytes.toString());
    return Array.isArray(tags) ? tags.map(String) : undefined;
  } catch {
    return undefined;
  }
}
