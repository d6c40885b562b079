import { randomBytes } from 'node:crypto';
import { Batches } from '../../async/batches.js';
import { Turns } from '../../async/turns.js';
import { type Claim, type Edition, EditionWatch, isLater } from '../journal/edition.js';
import { JOURNAL_CAPACITY, type JournalEntry, JournalWindow } from '../journal/journal-window.js';
import type { PurgeJournal } from '../journal/purge-journal.js';
import { type PurgeScope, sizeOf } from '../journal/purge-scope.js';
import {
  advanced,
  decodeHead,
  decodeIndex,
  encodeHead,
  type JournalHead,
  type JournalIndex,
  newHead,
  NONE,
} from './journal-head.js';
import { decodeItem, encodeItems, type JournalItem } from './journal-item.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/** How long an entry is kept, in milliseconds: a little longer than a page may take to render. */
const ENTRY_TTL = 70_000;

/** How many times to try while several processes purge. Each attempt fails only because another process has succeeded. */
const ATTEMPTS = 200;

interface CurrentHead extends JournalHead {
  readonly bytes: Buffer;
  readonly cas: string;
  /** How many connections had been lost when it was read. */
  readonly losses: number | undefined;
}

/**
 * The purge journal of all processes in memcached: the head, a small item that is changed by compare-and-set, and one item for each entry,
 * under a name that nobody else uses. docs/invalidation.md says why no entry is ever missed.
 */
export class MemcachedJournal implements PurgeJournal {
  readonly window = new JournalWindow();
  readonly editions: EditionWatch;
  held = false;
  /** One writer in each process, so only processes contend, and simultaneous purges are written together. */
  readonly #appends = new Batches<PurgeScope>((scopes) => this.write(scopes));
  /** Under load, all who ask share one read. */
  readonly #reads = new Turns<void>();
  readonly #read = async () => this.follow(await this.current());
  /** The beginning of the names that this process gives. */
  readonly #writer = randomBytes(6).toString('base64url');
  #named = 0;
  /** The latest head that this process knows. */
  #head: CurrentHead | undefined;
  /** How far the window has followed the journal. */
  #seen: { readonly epoch: string; readonly count: number } | undefined;

  /**
   * @param key the key of the head; the keys of the other items begin with it
   * @param own the edition whose pages this process stores
   */
  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly key: string,
    own?: Edition,
  ) {
    this.editions = new EditionWatch(own);
  }

  append(scope: PurgeScope): Promise<void> {
    return this.#appends.add(scope);
  }

  catchUp(): Promise<void> {
    return this.#reads.take('', this.#read);
  }

  look(): Promise<void> {
    return this.#reads.join('', this.#read);
  }

  async claim(change: (claim: Claim | undefined) => Claim | undefined): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const head = await this.current();
      this.editions.saw(head.claim);
      const claim = change(head.claim);
      if (!claim) return;
      const bytes = encodeHead({ ...head, claim });
      if ((await this.client.compareAndSet(this.key, { bytes, flags: 0 }, 0, head.cas)) === undefined) continue;
      return this.editions.saw(claim);
    }
    throw this.contended();
  }

  private async write(scopes: readonly PurgeScope[]): Promise<void> {
    const time = Date.now();
    const items = encodeItems(scopes, time).map((bytes) => ({ name: this.name(), bytes }));
    const names = items.map(({ name }) => name);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = this.known ?? (await this.current());
      const { head, indexed } = advanced(before, names, time, this.name());
      // All go out together, so memcached has the items before the head that names them. If it refused an item, the head would name a missing one,
      // and readers notice that.
      const stored = attempt === 0 ? items.map(({ name, bytes }) => this.put(name, bytes)) : [];
      if (indexed) stored.push(this.put(head.index, indexed));
      const bytes = encodeHead(head);
      const [cas, now] = await Promise.all([
        this.client.compareAndSet(this.key, { bytes, flags: 0 }, 0, before.cas),
        this.current(),
        ...stored,
      ]);
      if (cas === undefined) continue;
      // Follow the journal to here, so that requests that come in from now on count as younger than the purge.
      await this.follow(now, new Map(items.map(({ name, bytes }) => [name, bytes])));
      return;
    }
    throw this.contended();
  }

  /** The latest head, unless the server may have been restarted since: then another head may have the same CAS number. */
  private get known(): CurrentHead | undefined {
    return this.#head?.losses === this.client.losses ? this.#head : undefined;
  }

  private contended(): Error {
    return new Error(`the purge journal ${this.key} was changed by others ${ATTEMPTS} times in a row`);
  }

  private put(name: string, bytes: Buffer): Promise<void> {
    return this.client.set(this.itemKey(name), { bytes, flags: 0 }, ENTRY_TTL);
  }

  private name(): string {
    return `${this.#writer}${(this.#named += 1).toString(36)}`;
  }

  private itemKey(name: string): string {
    return `${this.key}:${name}`;
  }

  /**
   * The current head. A missing head is made: from then on nothing is missed. A head is made again if its maker did not know of the latest claim,
   * because that process may have stored pages of its own edition. Nobody knows whether a missing head was such a one, so the claim in a new head
   * is never swept.
   */
  private async current(): Promise<CurrentHead> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { losses } = this.client;
      const item = await this.client.getForUpdate(this.key);
      // The CAS number alone is not enough: after a restart, the server counts from the beginning.
      const isKnown = item && item.cas === this.#head?.cas && item.bytes.equals(this.#head.bytes);
      if (isKnown) return (this.#head = { ...this.#head!, losses });
      const head = item && decodeHead(item.bytes);
      const { claim } = this.editions;
      const isBehind = head && claim && isLater(claim, head.claim);
      if (head && !isBehind) return (this.#head = { ...head, ...item, losses });
      const bytes = encodeHead(newHead(claim && { ...claim, isSwept: false, keepsOwn: false }));
      await this.client.compareAndSet(this.key, { bytes, flags: 0 }, 0, item?.cas);
    }
    throw new Error(`the purge journal ${this.key} does not stay in memcached: give it more memory (-m)`);
  }

  /**
   * Brings the window up to a head.
   *
   * @param known entries that need not be read, by their names
   */
  private async follow(head: JournalHead, known: ReadonlyMap<string, Buffer> = new Map()): Promise<void> {
    this.editions.saw(head.claim);
    const from = this.#seen;
    if (from?.epoch === head.epoch) {
      if (head.count <= from.count) return;
      const unseen = await this.entries(head, head.count - from.count, known);
      // Another read may have got further meanwhile.
      if (this.#seen?.epoch === head.epoch) {
        const fresh = unseen.slice(Math.max(0, unseen.length - (head.count - this.#seen.count)));
        if (head.count <= this.#seen.count) return;
        for (const entry of fresh.flat()) this.window.add(entry);
        this.#seen = head;
        return;
      }
    }
    // This process has not seen this journal before, so nobody knows what was purged until now.
    this.window.forget();
    this.#seen = head;
  }

  /** The last entries, the oldest first. A missing entry counts as a purge of everything, at the time of the entry after it. */
  private async entries(
    head: JournalHead,
    count: number,
    known: ReadonlyMap<string, Buffer>,
  ): Promise<(readonly JournalEntry[])[]> {
    const entries: (readonly JournalEntry[])[] = [];
    let { time } = head;
    let size = 0;
    for await (const { name, item } of this.newestFirst(head, count, known)) {
      time = item?.time ?? time;
      entries.push(
        item
          ? // The order of this process's own purges is known, so the clock does not matter.
            item.scopes.map((scope) =>
              name.startsWith(this.#writer) ? { time: Infinity, written: time, scope } : { time, scope },
            )
          : [{ time, scope: { kind: 'all' } }],
      );
      // The window can hold no more.
      size += item ? item.scopes.reduce((sum, scope) => sum + sizeOf(scope), 0) : 1;
      if (size >= JOURNAL_CAPACITY) break;
    }
    if (entries.length < count) entries.push([{ time, scope: { kind: 'all' } }]);
    return entries.reverse();
  }

  private async *newestFirst(
    head: JournalHead,
    count: number,
    known: ReadonlyMap<string, Buffer>,
  ): AsyncGenerator<{ readonly name: string; readonly item: JournalItem | undefined }, void, undefined> {
    let list: JournalIndex | undefined = head;
    let left = count;
    while (list && left > 0) {
      const names = list.names.slice(-left);
      left -= names.length;
      const missing = names.filter((name) => !known.has(name));
      const index: readonly string[] = left > 0 && list.index !== NONE ? [list.index] : [];
      const values = await this.client.getMany([...missing, ...index].map((name) => this.itemKey(name)));
      const read = new Map(missing.map((name, at) => [name, values[at]]));
      for (const name of names.toReversed()) yield { name, item: decodeItem(known.get(name) ?? read.get(name)) };
      list = index.length > 0 ? decodeIndex(values.at(-1)) : undefined;
    }
  }
}
