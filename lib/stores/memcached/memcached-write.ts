import type { PageFormat } from '../../page/page-format.js';
import type { Page } from '../../page/page.js';
import type { PurgeCheck } from '../journal/purge-check.js';
import type { LeaseAnswer } from '../render-lease.js';
import { CheckedWrite, type CommitResult, refused, STORED } from '../page-write.js';
import type { ChangeResult, MemcachedMetaClient } from './memcached-client.interface.js';
import { MemcachedTags } from './memcached-tags.js';

/**
 * So long a page lives that nobody confirms, in milliseconds. memcached counts whole seconds of its own clock, so it is two to three
 * seconds. A commit takes up to two deadlines of a second from here to the confirmation: each that keeps them finds its page.
 */
const PROVISIONAL_TTL = 3000;

const CONFIRMED: Readonly<Record<ChangeResult, CommitResult>> = {
  changed: STORED,
  other: refused('superseded'),
  missing: refused('evicted'),
};

/** What the writes of one store share. */
export interface MemcachedPages {
  readonly client: MemcachedMetaClient;
  readonly format: PageFormat;
  readonly tags: MemcachedTags;
}

/**
 * One rendering that goes to memcached. Every step names a version, which is the CAS unique that memcached gives to each item that it
 * stores: so nobody replaces, confirms or deletes what somebody else has stored.
 */
export class MemcachedWrite extends CheckedWrite {
  /**
   * @param key as the server has it
   * @param version what stood at the key when the rendering began; `undefined` when nothing did
   */
  constructor(
    check: PurgeCheck,
    private readonly pages: MemcachedPages,
    private readonly key: string,
    private readonly version: string | undefined,
    readonly lease: LeaseAnswer | undefined,
  ) {
    super(check, version !== undefined);
  }

  protected async store(page: Page, tags: ReadonlySet<string>, ttl: number): Promise<CommitResult> {
    const { client, format } = this.pages;
    const value = MemcachedTags.marked(format.encode(page), page.tags);
    const before = await this.check.ask(tags);
    if (before !== undefined) return refused(before);
    const first = Math.min(ttl || PROVISIONAL_TTL, PROVISIONAL_TTL);
    // Together: memcached reads the journal right after it has stored the page.
    const [version, after] = await Promise.all([
      client.compareAndSet(this.key, value, first, this.version),
      this.check.ask(tags),
    ]);
    if (version === undefined) return refused('superseded');
    if (after === undefined) return this.confirm(page, ttl, version);
    // A page that is being refreshed may stay until then, or for its moment: so there is no gap.
    if (after !== 'refreshed') await client.compareAndDelete(this.key, version);
    return refused(after);
  }

  /** First the tags, then the time: a page whose tags are not known goes with every tag. */
  private async confirm(page: Page, ttl: number, version: string): Promise<CommitResult> {
    const [, touched] = await Promise.all([
      this.pages.tags.write(this.key, page.tags, ttl),
      this.pages.client.compareAndTouch(this.key, ttl, version),
    ]);
    return CONFIRMED[touched];
  }
}
