import { Inject, Injectable } from '@nestjs/common';
import type { PurgeScope } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';
import { PendingQueue } from './pending-queue.js';

/** For each server, the purges that it has not acknowledged. */
@Injectable()
export class PendingPurges {
  readonly #queues: Map<StoragePart, PendingQueue>;

  constructor(@Inject(PageStorage) { parts }: PageStorage) {
    this.#queues = new Map(parts.map((part) => [part, new PendingQueue(part)]));
  }

  get size(): number {
    return Array.from(this.#queues.values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);
  }

  /**
   * @param part the server that has not acknowledged the purge
   * @param purge tries a purge again
   * @param error why the purge is pending
   * @returns whether it will be tried again
   */
  add(part: StoragePart, scope: PurgeScope, purge: (scope: PurgeScope) => Promise<unknown>, error: unknown): boolean {
    // A server that only the list of another process has, has no queue yet.
    const queue = this.#queues.get(part) ?? new PendingQueue(part);
    this.#queues.set(part, queue);
    return queue.add(scope, purge, error);
  }

  /** Takes over what waits for a server that is no longer in use; it is not tried again here. */
  take(part: StoragePart): { readonly scopes: readonly PurgeScope[]; readonly error: unknown } {
    const queue = this.#queues.get(part);
    this.#queues.delete(part);
    return queue?.take() ?? { scopes: [], error: undefined };
  }

  /** Waits until every server has acknowledged its purges, but not longer than the given number of milliseconds. */
  async settled(milliseconds: number): Promise<void> {
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.settled(milliseconds)));
  }

  /** What is still pending is logged. */
  close(): void {
    for (const queue of this.#queues.values()) queue.close();
  }
}
