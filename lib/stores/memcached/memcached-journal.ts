import { randomUUID } from 'node:crypto';
import type { ArrivalPosition, PurgeJournal } from '../page-store.js';
import { JOURNAL_MAX_BYTES, journalEntry } from '../journal-entry.js';
import { Turns } from '../../async/turns.js';
import { Batches } from '../../async/batches.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';

/** The journal as it is kept: entries without a gap, the last of which has the number `last`. */
interface Journal {
  /** Another one whenever the item had to be made anew: what was in it before is not known. */
  readonly epoch: string;
  readonly last: number;
  readonly entries: readonly (readonly [unixTime: number, entry: string])[];
}

/** An entry is kept for as long as a page may take to render, in milliseconds: older ones are dropped with the next purge. */
const KEPT = 60_000;
/** Of an entry: its time and punctuation. */
const OVERHEAD = 20;
/** Several processes purge at once: each attempt fails only because another one has succeeded. */
const ATTEMPTS = 200;

/** The purge journal of all processes as one memcached item, changed by compare-and-swap. */
export class MemcachedJournal implements PurgeJournal {
  /** One writer in each process: so only processes contend, and what many purge together is written together. */
  readonly #appends = new Batches<string>((entries) => this.write(entries));
  #known: string | undefined;
  /** Under load, one read for all who ask. One that is on its way already may have missed what was just stored: then the next. */
  readonly #reads = new Turns<Journal>();
  readonly #read = () => this.read();

  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly key: string,
  ) {}

  async position(): Promise<string> {
    // One that is on its way already will do: an old position is as safe, and tells of more purges than it need.
    return positionOf(await this.#reads.join(this.key, this.#read));
  }

  get known(): string | undefined {
    return this.#known;
  }

  async arrived(known: string | undefined, time: number): Promise<ArrivalPosition> {
    const journal = await this.#reads.join(this.key, this.#read);
    return { position: positionOf(journal), before: sinceArrival(journal, known, time) };
  }

  async append(entry: string): Promise<void> {
    return this.#appends.add(journalEntry(entry));
  }

  async since(position: string): Promise<readonly string[] | undefined> {
    const [epoch, from] = position.split(' ');
    const journal = await this.#reads.take(this.key, this.#read);
    const missed = journal.last - Number(from);
    if (journal.epoch !== epoch || missed < 0 || missed > journal.entries.length) return undefined;
    return missed === 0 ? [] : journal.entries.slice(-missed).map(([, entry]) => entry);
  }

  private async write(entries: readonly string[]): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { cas, ...journal } = await this.read();
      const written = appended(journal, entries);
      if (!(await this.put(written, cas))) continue;
      this.#known = positionOf(written);
      return;
    }
    throw new Error(`the purge journal ${this.key} was changed by others ${ATTEMPTS} times in a row`);
  }

  /** @returns whether nobody had changed it meanwhile */
  private async put(journal: Journal, cas: string | undefined): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify(journal));
    return (await this.client.compareAndSet(this.key, { bytes, flags: 0 }, 0, cas)) !== undefined;
  }

  /** It is made where it is missing: from then on nothing is missed. */
  private async read(): Promise<Journal & { readonly cas: string }> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const item = await this.client.getForUpdate(this.key);
      const journal = item && decode(item.bytes);
      if (journal) {
        this.#known = positionOf(journal);
        return { ...journal, cas: item.cas };
      }
      await this.put({ epoch: randomUUID(), last: 0, entries: [] }, item?.cas);
    }
    throw new Error(`the purge journal ${this.key} does not stay in memcached: give it more memory (-m)`);
  }
}

function positionOf({ epoch, last }: Journal): string {
  return `${epoch} ${last}`;
}

/**
 * What came after the last known position and, by the clocks of those who have written it, after a time: between the two, this
 * process does not know what was before. Of a journal that has been made anew meanwhile, nobody knows what was in it.
 */
function sinceArrival(
  { epoch, last, entries }: Journal,
  known: string | undefined,
  time: number,
): readonly string[] | undefined {
  const [knownEpoch, number] = known?.split(' ') ?? [];
  if (knownEpoch !== epoch) return undefined;
  const unseen = last - Number(number);
  // Of those that were dropped, the last is no younger than the first that was not.
  if (unseen > entries.length && (entries[0]?.[0] ?? Infinity) >= time) return undefined;
  const later = unseen > 0 ? entries.slice(-unseen) : [];
  return later.filter(([at]) => at >= time).map(([, entry]) => entry);
}

function appended({ epoch, last, entries }: Journal, added: readonly string[]): Journal {
  const now = Date.now();
  const all = [...entries, ...added.map((entry) => [now, entry] as const)];
  let bytes = all.reduce((sum, [, text]) => sum + text.length + OVERHEAD, 0);
  // From the front only: the clocks of processes differ, and a gap in the middle would go unnoticed.
  let dropped = 0;
  for (const [time, text] of all) {
    if (bytes <= JOURNAL_MAX_BYTES && time > now - KEPT) break;
    bytes -= text.length + OVERHEAD;
    dropped += 1;
  }
  return { epoch, last: last + added.length, entries: all.slice(dropped) };
}

function isEntry([time, entry]: readonly [unknown, unknown]): boolean {
  return typeof time === 'number' && typeof entry === 'string';
}

function decode(bytes: Buffer): Journal | undefined {
  try {
    const journal = JSON.parse(bytes.toString()) as Journal;
    const isWhole = typeof journal.epoch === 'string' && Number.isSafeInteger(journal.last);
    return isWhole && journal.entries.every(isEntry) ? journal : undefined;
  } catch {
    return undefined;
  }
}
