import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { PageCacheService, type PageTarget } from 'nestjs-nginx-cache';

/** Purges when a piece of work has succeeded; outside of one, at once. */
@Injectable()
export class StalePages {
  readonly #work = new AsyncLocalStorage<{ targets: Set<PageTarget>; tags: Set<string> }>();

  constructor(private readonly pages: PageCacheService) {}

  /** @param work a transaction: when it throws, nothing has changed and nothing is purged */
  async after<T>(work: () => Promise<T>): Promise<T> {
    // Work within work belongs to the outer one.
    if (this.#work.getStore()) return work();
    const stale = { targets: new Set<PageTarget>(), tags: new Set<string>() };
    const result = await this.#work.run(stale, work);
    await this.purge([...stale.targets], [...stale.tags]);
    return result;
  }

  async add(targets: readonly PageTarget[], tags: readonly string[] = []): Promise<void> {
    const stale = this.#work.getStore();
    if (!stale) return this.purge(targets, tags);
    for (const target of targets) stale.targets.add(target);
    for (const tag of tags) stale.tags.add(tag);
  }

  /** Tags the page that is being rendered, if one is. */
  tag(...tags: string[]): void {
    this.pages.current()?.tag(...tags);
  }

  /** What fails is reported by the module and tried again: the change itself has succeeded. */
  private async purge(targets: readonly PageTarget[], tags: readonly string[]): Promise<void> {
    await Promise.allSettled([
      targets.length > 0 && this.pages.purge(...targets),
      tags.length > 0 && this.pages.purgeTags(...tags),
    ]);
  }
}
