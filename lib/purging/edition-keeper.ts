import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inTime } from '../async/in-time.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import type { Edition, EditionRefusal } from '../stores/journal/edition.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StoragePart } from '../stores/storage-part.js';
import { Epoch } from './epoch.js';
import { PartEdition } from './part-edition.js';
import { Purger } from './purger.js';

/** How long the start of the application waits until the pages of other editions are gone, in milliseconds. */
const START = 5000;

const REPORTS: Readonly<Record<Exclude<EditionRefusal, 'purges-unknown'>, string>> = {
  'other-version':
    'A process of another version has been started, so this one stores no pages any more (detail=other-version). ' +
    'That is as it should be while a new version is being deployed.',
  'other-configuration':
    'A process with other options has been started on the same store and prefix, so this one stores no pages any more ' +
    '(detail=other-configuration). Restart this one with the options of the other, or give the other a prefix of its own.',
  'other-servers':
    'A process with another list of servers has been started, so this one stores no pages any more (detail=other-servers). ' +
    'That is as it should be while servers are being added or removed: restart this one with the new list.',
};

/**
 * Ensures that only pages of one edition are stored. The process that was started last decides which. When it starts, the pages of all
 * other editions are deleted. docs/deploys.md says what that means for a deploy.
 */
@Injectable()
export class EditionKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('PageCache');
  #parts: readonly PartEdition[] = [];
  #isClosed = false;
  #reported: EditionRefusal | undefined;

  constructor(
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.begin();
  }

  /** Claims the servers, and deletes their pages of other editions and other lists of servers. Runs again after each change of the list. */
  async begin(): Promise<void> {
    for (const part of this.#parts) part.close();
    // A worker or a script renders no pages, so it has no edition.
    if (!this.host.httpAdapter?.getHttpServer?.()) return;
    const own = this.storage.parts[0]?.journal.editions.own;
    if (own) await inTime(this.start(own), START);
  }

  onModuleDestroy(): void {
    this.#isClosed = true;
    for (const part of this.#parts) part.close();
  }

  /** Looks which edition holds, and says that this process's edition still runs. */
  async beat(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.beat()));
  }

  private async start(own: Edition): Promise<void> {
    const { parts } = this.storage;
    // All claims must be known before one is changed: only together they say which servers have missed nothing.
    await Promise.allSettled(parts.map(({ journal }) => journal.catchUp()));
    const epoch = new Epoch(own, parts);
    const keep = (part: StoragePart, isFormer: boolean) =>
      new PartEdition(part, epoch, isFormer, this.purger, this.dispatcher, () => this.report());
    // nginx may still run with the earlier list.
    const former = this.storage.others().map((part) => keep(part, true));
    this.#parts = [...parts.map((part) => keep(part, false)), ...former];
    if (this.#isClosed) return;
    await this.beat();
  }

  private report(): void {
    const refusals = this.#parts.map(({ refusal }) => refusal);
    const refusal = refusals.find((one) => one !== undefined && one !== 'purges-unknown') ?? refusals.find(Boolean);
    if (refusal === this.#reported) return;
    this.#reported = refusal;
    if (refusal === 'other-version' || refusal === 'other-servers') this.#logger.log(REPORTS[refusal]);
    if (refusal === 'other-configuration') this.#logger.error(REPORTS[refusal]);
  }
}
