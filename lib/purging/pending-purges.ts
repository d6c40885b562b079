import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { PurgeScope } from '../stores/journal/purge-scope.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';
import { PendingQueue } from './pending-queue.js';

/** The purges that a server has not acknowledged, for each server. */
@Injectable()
export class PendingPurges implements OnModuleDestroy {
  readonly #queues: Map<StoragePart, PendingQueue>;

  constructor(@Inject(PageStorage) { parts }: PageStorage) {
    this.#queues = new Map(parts.map((part) => [part, new PendingQueue(part)]));
  }

  get size(): number {
    return Array.from(this.#queues.values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);
  }

  /**
   * @param part the one that has not acknowledged it
   * @param purge tries one again
   * @param error why it is pending
   * @returns whether it will be tried again
   */
  add(part: StoragePart, scope: PurgeScope, purge: (scope: PurgeScope) => Promise<unknown>, error: unknown): boolean {
    // One that is in the list of another process alone has none yet.
    const queue = this.#queues.get(part) ?? new PendingQueue(part);
    this.#queues.set(part, queue);
    return queue.add(scope, purge, error);
  }

  /** What waits for a server that is in use no more; it is not tried again. */
  take(part: StoragePart): { readonly scopes: readonly PurgeScope[]; readonly error: unknown } {
    const queue = this.#queues.get(part);
    this.#queues.delete(part);
    return queue?.take() ?? { scopes: [], error: undefined };
  }

  /** Waits until every server has acknowledged all of its own, but not longer than so many milliseconds. */
  async settled(milliseconds: number): Promise<void> {
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.settled(milliseconds)));
  }

  onModuleDestroy(): void {
    for (const queue of this.#queues.values()) queue.close();
  }
}
