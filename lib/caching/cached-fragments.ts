import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageServed } from '../events/outcomes.events.js';
import { sharedAddress, type WantedFragment } from '../fragments/fragment-address.js';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isKeyTooLong, type PageAddress, PageKeys } from '../page/page-key.js';
import { lookedUp } from '../page/page-key-header.js';
import type { Page } from '../page/page.js';
import { receivedFields, ReceivedRequests } from '../page/received-request.js';
import { PageStorage } from '../stores/page-storage.js';
import { StandInRenderings } from './stand-in-renderings.js';

/** Fragments that are the same for everybody: stored like pages, and made like shared pages. */
@Injectable()
export class CachedFragments implements SharedFragments {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(StandInRenderings) private readonly renderings: StandInRenderings,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  async find(fragment: WantedFragment, visitor: IncomingMessage): Promise<Page | undefined> {
    const address = this.keys.ofFragment(sharedAddress(fragment), this.around(visitor));
    if (isKeyTooLong(address.key) || !this.isOfSite(address)) return undefined;
    const page = await this.storage.hit(address, visitor);
    if (page) {
      this.dispatcher.notify(new PageServed(address, 'stored'));
      return page;
    }
    const result = await this.renderings.result(address, visitor, true);
    return 'page' in result ? result.page : undefined;
  }

  /** The application may answer for every host, and a visitor can name any: each would get a fragment that no purge finds. */
  private isOfSite({ host }: PageAddress): boolean {
    return host === undefined || this.options.hosts?.includes(host) === true;
  }

  /** The page that contains the fragment. nginx says which page it has sent. */
  private around(visitor: IncomingMessage): PageAddress {
    const key = this.options.flavour === undefined ? undefined : lookedUp(receivedFields(visitor));
    return (key === undefined ? undefined : this.keys.parse(key)) ?? this.received.of(visitor).address;
  }
}
