import type { StoredValue } from '../../page/page-format.js';
import type { Page } from '../../page/page.js';
import type { PurgeCheck } from '../journal/purge-check.js';
import type { LeaseAnswer } from '../render-lease.js';
import { CheckedWrite, type CommitResult, refused, storedInPlace } from '../page-write.js';
import type { StaleTimes } from '../../page/stale-times.js';
import { type CopyTimes, timesOfCopy } from '../stale-copy.js';
import type { ChangeResult, MemcachedMetaClient } from './memcached-client.interface.js';
import type { MemcachedCopies } from './memcached-copies.js';
import { MemcachedTags } from './memcached-tags.js';

/**
 * So long a page lives that nobody confirms, in milliseconds. memcached counts whole seconds of its own clock, so it is two to three
 * seconds. A commit takes up to two deadlines of a second from here to the confirmation: each that keeps them finds its page.
 */
const PROVISIONAL_TTL = 3000;

const UNCONFIRMED: Readonly<Record<Exclude<ChangeResult, 'changed'>, CommitResult>> = {
  other: refused('superseded'),
  missing: refused('evicted'),
};

/** What a rendering goes to memcached with. */
export interface MemcachedPages {
  readonly client: MemcachedMetaClient;
  readonly encode: (page: Page) => StoredValue;
  readonly tags: MemcachedTags;
  readonly copies: MemcachedCopies;
  /** Whether somebody wants to know which pages are read. */
  readonly knowsReads: boolean;
}

/** A page that is stored, and that nobody has confirmed. */
interface Provisional {
  readonly version: string;
  /** Of the copy; `undefined` when there was one, or when there is none. */
  readonly copied: string | undefined;
  /** Whether a visitor had read the page before. */
  readonly wasRead: boolean;
}

/** Where a rendering goes, and what stood there when it began. */
export interface MemcachedPlace {
  /** As the server has it. */
  readonly key: string;
  /** `undefined` when there was nothing. */
  readonly version: string | undefined;
}

/**
 * One rendering that goes to memcached. Every step names a version, which is the CAS unique that memcached gives to each item that it
 * stores: so nobody replaces, confirms or deletes what somebody else has stored.
 */
export class MemcachedWrite extends CheckedWrite {
  /** @param copy where the copy of the page goes; `undefined` when pages have none */
  constructor(
    check: PurgeCheck,
    private readonly pages: MemcachedPages,
    private readonly place: MemcachedPlace,
    private readonly copy: MemcachedPlace | undefined,
    readonly lease: LeaseAnswer | undefined,
  ) {
    super(check, place.version !== undefined);
  }

  protected async store(
    page: Page,
    tags: ReadonlySet<string>,
    ttl: number,
    stale: StaleTimes | undefined,
  ): Promise<CommitResult> {
    const { client, encode, knowsReads } = this.pages;
    const { key, version: replaced } = this.place;
    const value = MemcachedTags.marked(encode(page), page.tags);
    const before = await this.check.ask(tags);
    if (before !== undefined) return refused(before);
    const first = Math.min(ttl || PROVISIONAL_TTL, PROVISIONAL_TTL);
    // Together and in this order. The server forgets who has read a page when it stores another one, and it reads the journal right after it has
    // stored the page and its copy.
    const [items, version, copied, after] = await Promise.all([
      knowsReads && replaced !== undefined ? client.describe([key]) : [],
      client.compareAndSet(key, value, first, replaced),
      stale && this.firstCopy(value),
      this.check.ask(tags),
    ]);
    if (version !== undefined && after === undefined) {
      return this.confirm(page, value, ttl, stale, { version, copied, wasRead: items[0]?.isRead === true });
    }
    await Promise.all([
      // A page that is being refreshed may stay until then, or for its moment: so there is no gap.
      version !== undefined && after !== 'refreshed' && client.compareAndDelete(key, version),
      copied !== undefined && client.compareAndDelete(this.copy!.key, copied),
    ]);
    return refused(version === undefined || after === undefined ? 'superseded' : after);
  }

  /**
   * A copy that is there already stays until the page is confirmed: if this process ends before that, the page ends, and its copy is all there is.
   * What keeps the copy out says nothing of the page.
   *
   * @returns its version; `undefined` when it is not there
   */
  private async firstCopy(value: StoredValue): Promise<string | undefined> {
    if (!this.copy || this.copy.version !== undefined) return undefined;
    return this.pages.client.compareAndSet(this.copy.key, value, PROVISIONAL_TTL, undefined).catch(() => undefined);
  }

  /** First the tags, then the time: a page whose tags are not known goes with every tag. */
  private async confirm(
    page: Page,
    value: StoredValue,
    ttl: number,
    stale: StaleTimes | undefined,
    { version, copied, wasRead }: Provisional,
  ): Promise<CommitResult> {
    const { client, tags } = this.pages;
    const hasCopy = (copied ?? this.copy?.version) !== undefined;
    const times = stale && hasCopy ? timesOfCopy(ttl, stale, Date.now()) : undefined;
    const life = times ? times.ifError - times.stored : ttl;
    const [, touched] = await Promise.all([
      tags.write(this.place.key, page.tags, life),
      client.compareAndTouch(this.place.key, ttl, version),
      times ? this.confirmCopy(times, value, copied) : this.dropOlderCopy(),
    ]);
    return touched === 'changed' ? storedInPlace(wasRead) : UNCONFIRMED[touched];
  }

  /** A purge since the beginning has deleted the older copy, and then nothing comes to its place. */
  private async confirmCopy(times: CopyTimes, value: StoredValue, copied: string | undefined): Promise<void> {
    const { client, copies } = this.pages;
    const { key, version } = this.copy!;
    const life = times.ifError - times.stored;
    await Promise.all([
      copies.writeTimes(key, times),
      copied === undefined
        ? client.compareAndSet(key, value, life, version).catch(() => this.dropOlderCopy())
        : client.compareAndTouch(key, life, copied),
    ]);
  }

  /** The page that is stored now has no copy: that of the version before must not outlive it. */
  private async dropOlderCopy(): Promise<void> {
    if (this.copy?.version === undefined) return;
    await this.pages.client.compareAndDelete(this.copy.key, this.copy.version);
  }
}
