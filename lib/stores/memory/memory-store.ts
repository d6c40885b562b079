import * as v from 'valibot';
import { checked, strict, wholeNumber } from '../../checks/checked.js';
import type { Page } from '../../page/page.js';
import { beginCheck, type PurgeCheck } from '../journal/purge-check.js';
import { LocalJournal } from '../journal/local-journal.js';
import { ownBytes } from '../own-bytes.js';
import { sizeOf } from '../page-size.js';
import type { PageStore, PageStoreDefinition, StoreContext } from '../page-store.js';
import { CheckedWrite, type CommitResult, storedInPlace } from '../page-write.js';
import { rawKeyv, type RawEntry } from '../raw-keyv.js';
import type { StaleTimes } from '../../page/stale-times.js';
import { type CopyTimes, timesOfCopy } from '../stale-copy.js';

/**
 * Options of `memoryStore()`.
 *
 * @example
 * memoryStore({ maxBytes: 16 * 1024 * 1024 })
 *
 * @publicApi
 */
export interface MemoryStoreOptions {
  /** How much memory pages may take, in bytes of body, header fields and key together. Default 64 MiB. */
  readonly maxBytes?: number;
  /**
   * Only in the first of `tiers`: how long a page is answered from memory before the last tier is asked again, in milliseconds. Default
   * 1000. After a purge by another process, a page is answered from memory no longer than that.
   */
  readonly ttl?: number;
}

const optionsSchema = strict({
  maxBytes: v.optional(wholeNumber('bytes', 1)),
  ttl: v.optional(wholeNumber('milliseconds', 1)),
});

/**
 * Stores pages in the memory of this process. The application serves them. When the memory is full, the least recently used pages are
 * deleted.
 *
 * Each process has its own memory: a purge in one process does not delete the pages of the others.
 *
 * @param options how much memory pages may take
 * @returns the store, for the option `store`
 * @throws {NginxCacheConfigError} when an option is wrong
 * @example
 * memoryStore({ maxBytes: 16 * 1024 * 1024 })
 *
 * @publicApi
 */
export function memoryStore(options: MemoryStoreOptions = {}): PageStoreDefinition {
  const { maxBytes = 64 * 1024 * 1024, ttl } = checked(optionsSchema, options, { of: 'memoryStore' });
  return {
    kind: 'memory',
    memory: { maxBytes, ttl },
    limits: ({ maxPageBytes }) =>
      maxPageBytes > maxBytes
        ? [`memoryStore: a page of maxPageBytes (${maxPageBytes}) does not fit into maxBytes (${maxBytes})`]
        : [],
    open: (context) => openStore(maxBytes, context),
  };
}

/** A page. It stays as long as its copy lives, even after it has expired. */
interface Entry extends RawEntry {
  readonly size: number;
  /** Unix time in milliseconds. */
  readonly stored: number;
  readonly copy: CopyTimes | undefined;
  /** When the page and its copy end by the clock of the process, in milliseconds: the system clock may be set back. */
  readonly end: number;
  readonly copyEnd: number;
  isRead: boolean;
}

function openStore(maxBytes: number, { prefix }: StoreContext): PageStore {
  const journal = new LocalJournal();
  /** The least recently used entry comes first: a Map keeps the order of insertion. */
  const entries = new Map<string, Entry>();
  let bytes = 0;

  const remove = (key: string): Entry | undefined => {
    const entry = entries.get(key);
    if (entry) {
      entries.delete(key);
      bytes -= entry.size;
    }
    return entry;
  };
  const isAlive = ({ expires = Infinity, end }: Entry) => expires > Date.now() && end > performance.now();
  const isKept = (entry: Entry) =>
    isAlive(entry) || ((entry.copy?.ifError ?? 0) > Date.now() && entry.copyEnd > performance.now());

  const deletePages = async (keys: readonly string[]) =>
    keys.filter((key) => {
      const entry = remove(key);
      return entry && isAlive(entry);
    }).length;

  /** @returns whether anybody has read the page that was there */
  const put: Put = (key, page, expires, copy) => {
    // This comes first: the old page must not stay, even if the new one is refused.
    const before = remove(key);
    const size = sizeOf(key, page);
    if (size > maxBytes) {
      throw new RangeError(`memoryStore: ${key} takes ${size} bytes, more than maxBytes (${maxBytes})`);
    }
    const body = ownBytes(page.body);
    const value = body === page.body ? page : { ...page, body };
    const stored = Date.now();
    const end = performance.now() + (expires ?? Infinity) - stored;
    const copyEnd = performance.now() + (copy?.ifError ?? stored) - stored;
    entries.set(key, { value, expires, size, stored, copy, end, copyEnd, isRead: false });
    bytes += size;
    for (const oldest of entries.keys()) {
      if (bytes <= maxBytes) break;
      remove(oldest);
    }
    return before?.isRead === true;
  };

  async function* keys(begin: string, isWanted = isAlive) {
    // The loop needs an array, since reading a page moves it to the end.
    for (const [key, entry] of Array.from(entries)) if (key.startsWith(begin) && isWanted(entry)) yield key;
  }

  /** Reads an entry, which makes it the most recently used. */
  const read = (key: string): Entry | undefined => {
    const entry = remove(key);
    if (!entry || !isKept(entry)) return undefined;
    entries.set(key, entry);
    bytes += entry.size;
    return entry;
  };

  return {
    keyv: rawKeyv({
      get: async (key) => {
        const entry = read(key);
        if (!entry || !isAlive(entry)) return undefined;
        entry.isRead = true;
        return entry;
      },
      deleteMany: deletePages,
      keys: () => keys(prefix),
      disconnect: async () => {},
    }),
    journal,
    begin: async (address, context) =>
      new MemoryWrite(await beginCheck(journal, address, context), entries.has(address.key), address.key, put),
    forgets: true,
    deletePages,
    has: async (key) => {
      const entry = entries.get(key);
      return entry !== undefined && isKept(entry);
    },
    copy: async (key) => {
      const entry = read(key);
      return entry?.copy && { page: entry.value, ...entry.copy };
    },
    async *tagged(tags) {
      for (const [key, { value }] of Array.from(entries)) if (value.tags?.some((tag) => tags.includes(tag))) yield key;
    },
    details: async (keys) => {
      const now = Date.now();
      return keys.map((key) => {
        const entry = entries.get(key);
        if (!entry || !isAlive(entry)) return undefined;
        const { expires = now, stored, size, value, isRead } = entry;
        return { ttl: expires - now, age: now - stored, size, tags: value.tags ?? [], isRead };
      });
    },
    async *uses(before) {
      for (const [key, entry] of Array.from(entries)) {
        const { expires = Infinity, isRead } = entry;
        if (isAlive(entry) && expires <= before) yield { key, expires, isRead };
      }
    },
    keys,
    keysToPurge: (begin) => keys(begin, isKept),
  };
}

type Put = (key: string, page: Page, expires: number | undefined, copy: Entry['copy']) => boolean;

/** The check and the store happen in one turn of the event loop, so nothing can come between them. */
class MemoryWrite extends CheckedWrite {
  constructor(
    check: PurgeCheck,
    replaces: boolean,
    private readonly key: string,
    private readonly put: Put,
  ) {
    super(check, replaces);
  }

  protected async store(
    page: Page,
    _tags: ReadonlySet<string>,
    ttl: number,
    stale: StaleTimes | undefined,
  ): Promise<CommitResult> {
    const now = Date.now();
    const wasRead = this.put(this.key, page, ttl === 0 ? undefined : now + ttl, stale && timesOfCopy(ttl, stale, now));
    return storedInPlace(wasRead);
  }
}
