import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from '@nestjs/common';
import { type PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PageRendered, PageResponding, PageSkipped, PageStored } from '../events/page-cache.events.js';
import type { InFlightPage, InFlightPages } from '../purging/in-flight-pages.js';
import type { PendingPurges } from '../purging/pending-purges.js';
import type { Purger } from '../purging/purger.js';
import { concerns, type PurgeScope, readScope } from '../stores/purge-scope.js';
import { mayBeTransformed } from '../http/cache-directives.js';
import { headerOf, valuesOf } from '../http/fields.js';
import { mayBeEmpty, type Page } from '../page/page.js';
import type { PageDraft } from '../page/page-draft.js';
import { type PagePosition, type PageStorage, REFRESHED } from '../stores/page-storage.js';
import { MISS_STORED, missNotStored } from './cache-status.js';
import { type ClientFields, tellClients } from './client-fields.js';
import { compress, decode } from '../http/codings.js';
import { ContentCollector } from './content-collector.js';
import { MadeFields } from './made-fields.js';
import { fieldsOf, isHeaderUtf8, utf8Field } from './response-fields.js';
import type { RenderingDates } from './rendering-dates.js';
import type { ResponseObserver } from './response-observer.js';

/** What a recorder works with. */
export interface RecorderTools extends ClientFields {
  readonly dispatcher: PageCacheDispatcher;
  readonly storage: PageStorage;
  readonly inFlight: InFlightPages;
  readonly pending: PendingPurges;
  readonly purger: Purger;
  readonly dates: RenderingDates;
  readonly maxPageBytes: number;
  readonly compress: boolean;
  /** Whether hits come with the header of the page. */
  readonly keepsHeaders: boolean;
}

/** What became of a page. */
export type PageOutcome = { readonly stored: true } | { readonly stored: false; readonly reason: string };

/** Watches one response, and stores it when everybody agrees that it is a page. */
export class PageRecorder implements ResponseObserver {
  /** Settles when the page is stored or will not be; never rejects. */
  readonly outcome: Promise<PageOutcome>;
  readonly #inFlight: InFlightPage;
  readonly #content: ContentCollector;
  readonly #made: MadeFields;
  #settle!: (outcome: PageOutcome) => void;
  #deciding: void | Promise<void> = undefined;
  #head: Pick<Page, 'status' | 'headers'> = { status: 0, headers: [] };
  #isHeaderUtf8: boolean | undefined;
  /** What is being piped into the response: cut off when it has not come to its end. */
  readonly #sources = new Set<Readable>();
  #ended = false;
  #finished = false;

  constructor(
    private readonly tools: RecorderTools,
    readonly draft: PageDraft,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly context: ExecutionContext,
    /** From before the handler began. */
    private readonly position: PagePosition,
    /** Asked for by `publish()` or `refresh()`, and not by a visitor. */
    private readonly isPublication: boolean,
  ) {
    this.#inFlight = tools.inFlight.begin(draft.address, position.count);
    this.#content = new ContentCollector(tools.maxPageBytes);
    this.#made = new MadeFields(response, tools.compress, tools.clientCacheControl === undefined);
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    response.on('pipe', (source: Readable) => this.#sources.add(source));
    response.on('unpipe', (source: Readable) => this.#sources.delete(source));
    response.once('close', () => {
      if (!this.#ended) this.abort();
    });
  }

  head(): string {
    const headers = fieldsOf(this.response);
    const status = this.response.statusCode;
    this.#head = { status, headers };
    const event = new PageResponding(this.draft, this.request, this.context, status, headers);
    this.#deciding = this.tools.dispatcher.decide(event);
    if (this.draft.skipped !== undefined) return missNotStored(this.draft.skipped);
    if (tellClients(this.response, this.tools)) this.#head = { status, headers: fieldsOf(this.response) };
    if (this.tools.keepsHeaders) this.addMadeFields(Date.now());
    return MISS_STORED;
  }

  whole(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void {
    this.#made.know(chunk, encoding, !this.isPublication);
  }

  content(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void {
    this.#isHeaderUtf8 ??= isHeaderUtf8(this.response, chunk, encoding);
    if (this.draft.skipped !== undefined) this.#content.drop();
    else if (!this.#content.add(chunk, encoding)) this.draft.skip('size');
  }

  end(whole: boolean): void {
    if (this.#finished) return;
    if (!whole || [...this.#sources].some(({ readableEnded }) => readableEnded === false)) return this.abort();
    this.#ended = true;
    this.record().then(
      (outcome) => this.finish(outcome),
      (error: unknown) => {
        this.tools.dispatcher.notify(new PageCacheFailed('set', error));
        this.forget();
        this.finish({ stored: false, reason: 'store-failed' });
      },
    );
  }

  private async record(): Promise<PageOutcome> {
    await this.#deciding;
    const page = this.draft.skipped === undefined ? await this.page() : undefined;
    if (page) await this.tools.dispatcher.decide(new PageRendered(this.draft, this.request, this.context, page));
    if (!page || this.draft.skipped !== undefined) return { stored: false, reason: this.draft.skipped ?? 'unknown' };
    return this.store(page);
  }

  /** The page, or a reason in the draft why it is none. */
  private async page(): Promise<Page | undefined> {
    const { status, headers } = this.#head;
    const codings = valuesOf(headers, 'content-encoding');
    const length = headerOf(this.#head, 'content-length');
    if (length !== undefined && Number(length) !== this.#content.bytes) return this.refuse('truncated');
    const body = await decode(this.#content.take(), codings.join(), this.tools.maxPageBytes);
    if (typeof body === 'string') return this.refuse(body);
    if (body.length === 0 && !mayBeEmpty(status)) return this.refuse('empty');
    const stored = this.#made.stored(headers);
    return { status, headers: this.#isHeaderUtf8 ? stored.map(utf8Field) : stored, body };
  }

  private refuse(reason: string): undefined {
    this.draft.skip(reason);
  }

  private async store(page: Page): Promise<PageOutcome> {
    const { address, ttl, tags } = this.draft;
    const packed = this.tools.compress && mayBeTransformed(page) ? await compress(page.body) : undefined;
    const labelled: Page = tags.size > 0 ? { ...page, tags: [...tags] } : page;
    const stored: Page = packed
      ? { ...labelled, headers: this.#made.recoded(labelled.headers), body: packed, contentEncoding: 'gzip' }
      : labelled;
    const reason =
      (await this.whyNotStored()) ??
      (await this.tools.storage.set(address.key, stored, ttl, this.position, () => this.whyNotKept()));
    if (reason !== undefined) return { stored: false, reason };
    this.tools.dispatcher.notify(new PageStored(address, ttl, [...tags], stored.body.length));
    return { stored: true };
  }

  /** What is known without asking; before a page is replaced in place, it is asked. */
  private async whyNotStored(): Promise<string | undefined> {
    return this.isPublication ? this.whyNotKept() : this.whyNot([]);
  }

  /** Whether anybody, in any process, has purged the page since its handler began: asked when it is stored. */
  private async whyNotKept(): Promise<string | undefined> {
    const { address, tags } = this.draft;
    const { journal } = this.tools.storage;
    const { before } = this.position;
    const after = journal ? await journal.since(this.position.purges).catch(() => undefined) : [];
    // Not to know it is as bad.
    if (!before || !after) return 'purges-unknown';
    return this.whyNot([...before, ...after].map(readScope).filter((scope) => concerns(scope, address, tags)));
  }

  private whyNot(purges: readonly PurgeScope[]): string | undefined {
    const all = [...purges, ...this.tools.inFlight.purgesOf(this.#inFlight, this.draft.tags)];
    if (all.length === 0) return this.tools.pending.size > 0 ? 'purge-pending' : undefined;
    const refreshed = this.isPublication && all.every((scope) => scope.kind === 'paths' && scope.refresh);
    return refreshed ? REFRESHED : 'purged';
  }

  private addMadeFields(now: number): void {
    const { key } = this.draft.address;
    this.#made.addTo(this.#head.headers, now, (version) => this.tools.dates.of(key, version, now));
  }

  /** It may be stored all the same, and stay there although somebody has purged it. */
  private forget(): void {
    const { storage, purger } = this.tools;
    if (!storage.forgets) purger.purge({ kind: 'keys', keys: [this.draft.address.key] }).catch(() => {});
  }

  /** The visitor left, or the application gave up, before all of it was written. */
  private abort(): void {
    this.draft.skip('aborted');
    this.finish({ stored: false, reason: this.draft.skipped ?? 'aborted' });
  }

  private finish(outcome: PageOutcome): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#content.drop();
    this.tools.inFlight.end(this.#inFlight);
    if (!outcome.stored) this.tools.dispatcher.notify(new PageSkipped(this.draft.address, outcome.reason));
    this.#settle(outcome);
  }
}
