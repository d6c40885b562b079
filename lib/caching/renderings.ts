import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type Observable, tap } from 'rxjs';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import type { RequestInputs } from '../inputs/request-inputs.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PageDraft } from '../page/page-draft.js';
import type { Page } from '../page/page.js';
import type { PageAddress } from '../page/page-key.js';
import { leaveMarkers } from '../fragments/outgoing-fragments.js';
import { PageAssembly } from '../fragments/page-assembly.js';
import { Purger } from '../purging/purger.js';
import { LateWrite } from '../stores/late-write.js';
import { PageStorage } from '../stores/page-storage.js';
import type { StorageArrival } from '../stores/placement.js';
import type { PageWrite } from '../stores/page-write.js';
import type { Lead } from './coalescing.js';
import { CurrentDraft } from './current-draft.js';
import { onException } from './exceptions.js';
import { PageRecorder } from './page-recorder.js';
import { PageRendering } from './page-rendering.js';
import { MISS_STORED, MISS_STORED_LATE } from './cache-status.js';
import { Publications } from './publications.js';
import { ReadReports } from './read-reports.js';
import { StoreOutages } from './store-outages.js';
import { RenderingDates } from './rendering-dates.js';
import { observe } from './response-observer.js';
import { type StandInResult, StandIns } from './stand-ins.js';

const ARRIVAL = Symbol('nestjs-nginx-cache: arrival');
type Arrived = IncomingMessage & { [ARRIVAL]?: StorageArrival };

/** The pages that this process is rendering. */
@Injectable()
export class Renderings implements OnApplicationBootstrap {
  readonly #open = new Set<PageRendering>();
  readonly #dates = new RenderingDates();
  #isClosed = false;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(CurrentDraft) private readonly current: CurrentDraft,
    @Inject(ReadReports) private readonly reads: ReadReports,
    @Inject(StoreOutages) private readonly outages: StoreOutages,
    @Inject(PageAssembly) private readonly assembly: PageAssembly,
    @Inject(StandIns) private readonly standIns: StandIns,
  ) {
    storage.onClosing(() => this.close());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.storage.start();
  }

  /** Visitors still get their answers, but the answers are no longer stored. */
  private close(): void {
    this.#isClosed = true;
    for (const rendering of this.#open) rendering.drop('shutdown');
  }

  get size(): number {
    return this.#open.size;
  }

  /** A page may be older than its handler: middleware and guards read data, too. So each request is noted when it comes in. */
  arrived(request: Arrived): void {
    request[ARRIVAL] = this.storage.arrive();
  }

  /**
   * @param leads whether other processes shall wait for the page
   * @returns `undefined` when the store does not answer
   */
  async begin(address: PageAddress, request: Arrived, leads: boolean): Promise<PageWrite | undefined> {
    if (this.#isClosed) return undefined;
    const arrival = request[ARRIVAL] ?? this.storage.arrive();
    const write = this.publications.of(request)
      ? await this.storage.renew(address, arrival)
      : await this.storage.begin(address, arrival, request, leads);
    const server = this.storage.serverOf(address.key);
    const answered = () => {
      if (this.storage.isAskedFirst) this.outages.answered(server);
    };
    const missed = () => this.outages.missed(server);
    if (write instanceof LateWrite) write.begun.then(answered, missed);
    else if (write) answered();
    else missed();
    return write;
  }

  /** Runs the handler, and stores what it answers. */
  render(
    draft: PageDraft,
    write: PageWrite,
    lead: Lead,
    context: ExecutionContext,
    next: CallHandler,
    request: IncomingMessage,
    response: ServerResponse,
    inputs: RequestInputs,
  ): Observable<unknown> {
    const publication = this.publications.of(request);
    const rendering = new PageRendering(
      this.dispatcher,
      draft,
      write,
      request,
      context,
      inputs,
      this.reads,
      this.assembly,
      this.publications.causeOf(request) ?? 'visit',
      () => this.forget(draft),
    );
    this.#open.add(rendering);
    void rendering.outcome.then(() => {
      this.#open.delete(rendering);
      this.storage.rendered(draft.address);
    });
    lead.render(rendering);
    // Now the store asks the journal about purges, for the last time. Whoever comes after that may have come after a purge.
    void rendering.judged.then(() => lead.close());
    publication?.(rendering.outcome);
    const standIn = this.standIns.of(request);
    standIn?.(rendering.judged.then((judged) => resultOf(judged, rendering.wasLate)));
    if (publication ?? standIn) leaveMarkers(response);
    const lastModified = (version: string | undefined, now: number) => this.#dates.of(draft.address.key, version, now);
    const before = write.replaces ? () => this.storage.stored(draft.address.key) : async () => undefined;
    const recorder = new PageRecorder(
      rendering,
      response,
      this.options,
      (publication ?? standIn) && before,
      lastModified,
    );
    observe(response, recorder);
    const fail = (error: unknown) => {
      rendering.fail();
      this.reads.reportClone(error, context);
    };
    onException(request, fail);
    // An interceptor farther out may turn the exception into an answer. No exception filter sees it then.
    const failed = tap<unknown>({ error: fail });
    return this.current.run(request, draft, () => next.handle().pipe(failed));
  }

  /** The page may be stored all the same, and would stay although somebody has purged it. */
  private forget({ address }: PageDraft): void {
    if (!this.storage.forgets) this.purger.one(address).catch(() => {});
  }
}

function resultOf(judged: Page | string, wasLate: boolean): StandInResult {
  if (typeof judged === 'string') return { reason: judged };
  return { page: judged, status: wasLate ? MISS_STORED_LATE : MISS_STORED };
}
