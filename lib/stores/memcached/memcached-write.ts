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
 * How long a page lives when nobody confirms it, in milliseconds. memcached counts whole seconds of its own clock, so this is two to three seconds.
 * From here to the confirmation, a commit has two deadlines of a second each: a commit that meets them finds its page.
 */
const PROVISIONAL_TTL = 3000;

const UNCONFIRMED: Readonly<Record<Exclude<ChangeResult, 'changed'>, CommitResult>> = {
  other: refused('superseded'),
  missing: refused('evicted'),
};

/** What a rendering needs to be stored in memcached. */
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

/** Where a rendering goes, and which version was there when it began. */
export interface MemcachedPlace {
  /** The key on the server. */
  readonly key: string;
  /** `undefined` when there was nothing. */
  readonly version: string | undefined;
}

/**
 * One rendering that goes to memcached. Every step names a version: the CAS unique that memcached gives to each item that it stores. So no process
 * replaces, confirms or deletes an item that another one has stored.
 */
export class MemcachedWrite extends CheckedWrite {
  /** @param copy where the copy of the page goes; `undefined` when pages have no copies */
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
    // These go out together, in this order: the server forgets that a page was read when it stores another one, and it reads the journal right after it
    // has stored the page and its copy.
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
      // A page that is being refreshed may stay until it is replaced, or for these few seconds, so there is no gap.
      version !== undefined && after !== 'refreshed' && client.compareAndDelete(key, version),
      copied !== undefined && client.compareAndDelete(this.copy!.key, copied),
    ]);
    return refused(version === undefined || after === undefined ? 'superseded' : after);
  }

  /**
   * Stores the copy, unless there is one already. That one stays until the page is confirmed: if this process ends before that, the page expires,
   * and the older copy is all there is. If the copy cannot be stored, the page still can.
   *
   * @returns the version of the copy; `undefined` when it was not stored
   */
  private async firstCopy(value: StoredValue): Promise<string | undefined> {
    if (!this.copy || this.copy.version !== undefined) return undefined;
    return this.pages.client.compareAndSet(this.copy.key, value, PROVISIONAL_TTL, undefined).catch(() => undefined);
  }

  /** Writes the tags first, and then the ttl: a page whose tags are unknown is purged with every tag. */
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

  /** Confirms the copy, or replaces an older one. If a purge has deleted the older copy since the beginning, nothing takes its place. */
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

  /** Deletes the older copy: the page that is stored now has none, and a copy of the previous version must not outlive it. */
  private async dropOlderCopy(): Promise<void> {
    if (this.copy?.version === undefined) return;
    await this.pages.client.compareAndDelete(this.copy.key, this.copy.version);
  }
}
