import type { ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { countWait } from '../async/patience.js';
import type { PageRequested } from '../events/page-cache.events.js';
import { hasTag } from '../http/validators.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { PageStorage } from '../stores/page-storage.js';
import { Publications } from './publications.js';
import { replay, takeOver } from './replay.js';

/**
 * So long the visitor may have waited for memcached already, in milliseconds: nginx gives it 40 (nginx/flavours/lookup.ts). What is left
 * is enough for a memcached that is well.
 */
const WAITED_BY_NGINX = 35;

/** Answers with the stored page where nginx does not. */
@Injectable()
export class StoredAnswers {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Publications) private readonly publications: Publications,
  ) {}

  /** @returns whether the stored page was the answer */
  async answer(requested: PageRequested, response: ServerResponse): Promise<boolean> {
    const { request, context, address } = requested;
    if (this.isLookedUp(requested)) {
      countWait(request, WAITED_BY_NGINX);
      return false;
    }
    if (this.publications.of(request)) return false;
    const page = await this.storage.get(address.key, request);
    // Without a validator, nobody can tell whether the visitor has the page.
    if (!page || (requested.skipped !== undefined && !hasTag(page.headers))) return false;
    const reply = context.switchToHttp().getResponse<Parameters<typeof replay>[3] & Parameters<typeof takeOver>[0]>();
    if (!(await replay(page, request, response, reply))) return false;
    takeOver(reply);
    return true;
  }

  /** Whether nginx has just looked where we would look. */
  private isLookedUp({ head }: PageRequested): boolean {
    return this.options.flavour !== undefined && head.headers[PAGE_KEY_HEADER.toLowerCase()] !== undefined;
  }
}
