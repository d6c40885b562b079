import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { StandInSender } from '../caching/stand-in-renderings.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { variantFields } from '../rules/variant.js';
import { InnerRequests } from './inner-requests.js';

/** Asks for a shared page in place of a visitor. The request has nothing of the visitor but the variants of the page. */
@Injectable()
export class InnerStandIns extends StandInSender implements OnModuleDestroy {
  readonly #stop = new AbortController();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(InnerRequests) private readonly requests: InnerRequests,
  ) {
    super();
  }

  onModuleDestroy(): void {
    this.#stop.abort();
  }

  async send(address: PageAddress, onRequest: (request: IncomingMessage) => void): Promise<void> {
    const { target, host, variants } = address;
    const fields = variantFields(this.options.variants, variants);
    await this.requests.send({ target, host, address, fields, onRequest, signal: this.#stop.signal }, ({ body }) =>
      finished(body.resume()),
    );
  }
}
