import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Turns } from '../async/turns.js';
import { isOutdated, type PageOutcome } from '../caching/page-rendering.js';
import { type PublicationCause, Publications } from '../caching/publications.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed } from '../events/outcomes.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { variantFields } from '../rules/variant.js';
import { InnerRequests } from './inner-requests.js';

/** How many times a page that changes all the time is rendered. */
const ATTEMPTS = 5;

/** The result of rendering a page unasked. */
export interface Rendering {
  /** 0 when there was no whole answer. */
  readonly status: number;
  /** The field `Retry-After`, if there is one. */
  readonly retryAfter?: string | undefined;
  readonly outcome: PageOutcome;
}

/** Renders one page unasked and stores it. */
@Injectable()
export class PageRenderer {
  readonly #turns = new Turns<Rendering | undefined>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(InnerRequests) private readonly requests: InnerRequests,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /**
   * A caller that asks for a page that is already being rendered shares the next rendering of it.
   *
   * @returns `undefined` when the signal came before the page was stored
   */
  async render(
    address: PageAddress,
    signal?: AbortSignal,
    cause: PublicationCause = 'publish',
  ): Promise<Rendering | undefined> {
    for (;;) {
      const rendering = await this.#turns.take(address.key, () => this.renderUntilStored(address, cause, signal));
      // Otherwise, another caller has given up the rendering that both shared.
      if (rendering || signal?.aborted) return rendering;
    }
  }

  /** Renders again what may be outdated: the page changed during the rendering, or another one took its place. */
  private async renderUntilStored(
    address: PageAddress,
    cause: PublicationCause,
    signal?: AbortSignal,
  ): Promise<Rendering | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const rendering = await this.renderOnce(address, cause, signal);
      if (rendering.outcome.stored) return rendering;
      if (signal?.aborted) return undefined;
      // Nobody has asked for exactly this page. Whoever has purged or replaced it meanwhile knows better.
      if (cause === 'refresh-ahead') return rendering;
      if (!isOutdated(rendering.outcome) || attempt === ATTEMPTS) return rendering;
    }
  }

  private async renderOnce(address: PageAddress, cause: PublicationCause, signal?: AbortSignal): Promise<Rendering> {
    const { target, host, variants } = address;
    let outcome: Promise<PageOutcome> | undefined;
    const request = {
      target,
      host,
      address,
      fields: variantFields(this.options.variants, variants),
      onRequest: (sent: IncomingMessage) =>
        this.publications.begin(sent, cause, (of) => {
          outcome = of;
        }),
      signal,
    };
    const answer = await this.requests
      .send(request, async ({ status, headers, body }) => {
        await finished(body.resume());
        return { status, retryAfter: headers['retry-after']?.toString() };
      })
      .catch((error: unknown) => {
        if (!signal?.aborted) this.dispatcher.notify(new PageCacheFailed('render', error));
        return { status: 0 };
      });
    return { ...answer, outcome: (await outcome) ?? { stored: false, reason: 'no-handler' } };
  }
}
