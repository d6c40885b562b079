import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Visitors } from '../caching/visitors.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { Purger } from '../purging/purger.js';
import { InnerRequests } from './inner-requests.js';
import { Pace } from './pace.js';
import { PageRenderer } from './page-renderer.js';
import { Publication, type PublicationOptions } from './publication.js';

/** The publications that are under way in this process. */
@Injectable()
export class OpenPublications implements OnModuleDestroy {
  readonly #open = new Map<AbortController, Promise<unknown>>();
  #isClosed = false;

  constructor(
    @Inject(InnerRequests) private readonly requests: InnerRequests,
    @Inject(PageRenderer) private readonly renderer: PageRenderer,
    @Inject(Visitors) private readonly visitors: Visitors,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /** No publication begins any more, and pages that are being rendered are given up. */
  async onModuleDestroy(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#open.keys()) stop.abort();
    await Promise.allSettled(this.#open.values());
  }

  /**
   * @param work gets a publication, and a signal that comes when the publication has to end
   * @param given a signal that ends it as well
   * @throws {TypeError} when this is not an HTTP application
   */
  async during<T>(
    options: PublicationOptions,
    work: (publication: Publication, signal: AbortSignal) => Promise<T>,
    given?: AbortSignal,
  ): Promise<T> {
    // Otherwise, all pages would fail, one after the other.
    void this.requests.server;
    await this.requests.ready();
    const stop = new AbortController();
    const { signal } = stop;
    const end = () => stop.abort();
    given?.addEventListener('abort', end, { once: true });
    if (given?.aborted || this.#isClosed) end();
    this.visitors.watch();
    const pace = new Pace(this.visitors, signal);
    const publication = new Publication(this.renderer, this.purger, this.dispatcher, pace, signal, options);
    const working = work(publication, signal);
    this.#open.set(stop, working);
    try {
      return await working;
    } finally {
      this.#open.delete(stop);
      this.visitors.unwatch();
      given?.removeEventListener('abort', end);
    }
  }
}
