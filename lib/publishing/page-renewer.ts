import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { PublicationCause } from '../caching/publications.js';
import { Renewer } from '../caching/renewals.js';
import type { PageAddress } from '../page/page-key.js';
import { Purger } from '../purging/purger.js';
import { PageRenderer } from './page-renderer.js';
import { settle } from './settlement.js';

/** Renders again pages that visitors need now: meanwhile, they get copies or wait. */
@Injectable()
export class PageRenewer extends Renewer implements OnModuleDestroy {
  readonly #stop = new AbortController();

  constructor(
    @Inject(PageRenderer) private readonly renderer: PageRenderer,
    @Inject(Purger) private readonly purger: Purger,
  ) {
    super();
  }

  onModuleDestroy(): void {
    this.#stop.abort();
  }

  async renew(address: PageAddress, cause: PublicationCause): Promise<boolean> {
    const rendering = await this.renderer.render(address, this.#stop.signal, cause);
    if (!rendering) return true;
    const { result } = await settle(address, rendering, this.purger, true);
    // A page that could not be rendered now may be rendered at the next try.
    return result === 'published' || result === 'failed';
  }
}
