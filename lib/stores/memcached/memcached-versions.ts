import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey } from '../../page/memcached-key.js';
import type { PageFormat } from '../../page/page-format.js';
import type { Page } from '../../page/page.js';
import type { PageVersions } from '../page-store.js';
import type { MemcachedMetaClient } from './memcached-client.interface.js';
import { MemcachedTags } from './memcached-tags.js';

/** Pages by their CAS unique, a number that memcached gives to each item that it stores. */
export class MemcachedVersions implements PageVersions {
  constructor(
    private readonly client: MemcachedMetaClient,
    private readonly format: PageFormat,
    private readonly tags: MemcachedTags,
  ) {}

  async of(key: string): Promise<string | undefined> {
    const serverKey = memcachedKey(key);
    return serverKey.length > MEMCACHED_KEY_MAX_LENGTH ? undefined : this.client.casOf(serverKey);
  }

  /** Without its tags, which nobody needs to know before it is confirmed: one whose tags are not known goes with every tag. */
  replace(key: string, page: Page, ttl: number, version: string | undefined): Promise<string | undefined> {
    const stored = MemcachedTags.marked(this.format.encode(page), page.tags);
    return this.client.compareAndSet(memcachedKey(key), stored, ttl, version);
  }

  async confirm(key: string, page: Page, ttl: number, version: string): Promise<void> {
    const serverKey = memcachedKey(key);
    await this.tags.write(serverKey, page.tags, ttl);
    await this.client.compareAndTouch(serverKey, ttl, version);
  }

  async withdraw(key: string, version: string): Promise<void> {
    await this.client.compareAndDelete(memcachedKey(key), version);
  }
}
