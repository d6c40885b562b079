import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inTime } from '../async/in-time.js';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import type { EditionRefusal } from '../stores/journal/edition.js';
import { PageStorage } from '../stores/page-storage.js';
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
};

/**
 * Ensures that only pages of one edition are stored. The process that was started last decides which. When it starts, the pages of all
 * other editions are deleted. docs/deploys.md says what that means for a deploy.
 */
@Injectable()
export class EditionKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('PageCache');
  #parts: readonly PartEdition[] = [];
  #reported: EditionRefusal | undefined;

  constructor(
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    // A worker or a script renders no pages, so it has no edition.
    if (!this.host.httpAdapter?.getHttpServer?.()) return;
    this.#parts = this.storage.parts
      .filter(({ journal }) => journal.editions.own)
      .map((part) => new PartEdition(part, this.purger, this.dispatcher, () => this.report()));
    await inTime(this.beat(), START);
  }

  onModuleDestroy(): void {
    for (const part of this.#parts) part.close();
  }

  /** Looks which edition holds, and says that its own still runs. */
  async beat(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.beat()));
  }

  private report(): void {
    const refusals = this.#parts.map(({ refusal }) => refusal);
    const refusal = refusals.find((one) => one !== undefined && one !== 'purges-unknown') ?? refusals.find(Boolean);
    if (refusal === this.#reported) return;
    this.#reported = refusal;
    if (refusal === 'other-version') this.#logger.log(REPORTS[refusal]);
    if (refusal === 'other-configuration') this.#logger.error(REPORTS[refusal]);
  }
}
