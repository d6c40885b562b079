import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { mayBeTransformed } from '../http/cache-directives.js';
import { compress, decode } from '../http/codings.js';
import { headerOf, type ResponseHead, valuesOf } from '../http/fields.js';
import { isHeaderUtf8 } from '../http/header-encoding.js';
import { mayBeEmpty, type Page } from '../page/page.js';
import { MISS_STORED, MISS_STORED_LATE, missNotStored } from './cache-status.js';
import { type ClientFields, tellClients } from './client-fields.js';
import { ContentCollector } from './content-collector.js';
import { MadeFields } from './made-fields.js';
import type { PageRendering, RecordedResponse } from './page-rendering.js';
import { sentFields, utf8Field } from './response-fields.js';
import type { ResponseObserver } from './response-observer.js';

/** How responses are recorded. */
export interface RecordingOptions extends ClientFields {
  readonly maxPageBytes: number;
  readonly compress: boolean;
  /** Whether hits come with the header of the page. */
  readonly keepsHeaders: boolean;
}

/** Watches one response, and makes a page of it. */
export class PageRecorder implements ResponseObserver, RecordedResponse {
  readonly #content: ContentCollector;
  readonly #made: MadeFields;
  #head: ResponseHead = { status: 0, headers: [] };
  #isHeaderUtf8: boolean | undefined;
  /** Streams that are being piped into the response. One that has not come to its end is cut off. */
  readonly #sources = new Set<Readable>();
  #ended = false;
  #text: { readonly chunk: string; readonly encoding: BufferEncoding | undefined; readonly bytes: Buffer } | undefined;

  /**
   * @param before reads the stored page; given when nobody gets the response
   * @param lastModified when the version with a tag (if known) was last modified, if that can be said; in milliseconds since the epoch, as `now`
   */
  constructor(
    private readonly rendering: PageRendering,
    private readonly response: ServerResponse,
    private readonly options: RecordingOptions,
    private readonly before: (() => Promise<Page | undefined>) | undefined,
    private readonly lastModified: (version: string | undefined, now: number) => number | undefined,
  ) {
    this.#content = new ContentCollector(options.maxPageBytes);
    this.#made = new MadeFields(response, options.compress, options.clientCacheControl === undefined);
    response.on('pipe', (source: Readable) => this.#sources.add(source));
    response.on('unpipe', (source: Readable) => this.#sources.delete(source));
    response.once('close', () => {
      if (!this.#ended) this.abort();
    });
  }

  head(): string {
    this.#head = { status: this.response.statusCode, headers: sentFields(this.response) };
    this.rendering.respond(this.#head);
    const { refusal } = this.rendering;
    if (refusal !== undefined) return missNotStored(refusal);
    if (tellClients(this.response, this.options)) this.#head = { ...this.#head, headers: sentFields(this.response) };
    if (this.options.keepsHeaders) {
      this.#made.addTo(this.#head.headers, Date.now(), this.lastModified);
    }
    return this.rendering.wasLate ? MISS_STORED_LATE : MISS_STORED;
  }

  whole(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void {
    this.#made.know(() => this.bytesOf(chunk, encoding), this.before === undefined);
  }

  content(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void {
    this.#isHeaderUtf8 ??= isHeaderUtf8(this.response, chunk, encoding);
    if (this.rendering.refusal !== undefined) this.#content.drop();
    else if (!this.#content.add(this.copyOf(chunk, encoding))) this.rendering.refuse('size');
  }

  end(whole: boolean): void {
    if (this.#ended) return;
    if (!whole || [...this.#sources].some(({ readableEnded }) => readableEnded === false)) return this.abort();
    this.#ended = true;
    this.rendering.complete(this);
  }

  async page(): Promise<Page | string> {
    const { status, headers } = this.#head;
    const codings = valuesOf(headers, 'content-encoding');
    const length = headerOf(this.#head, 'content-length');
    if (length !== undefined && Number(length) !== this.#content.bytes) return 'truncated';
    const body = await decode(this.#content.take(), codings.join(), this.options.maxPageBytes);
    if (typeof body === 'string') return body;
    if (body.length === 0 && !mayBeEmpty(status)) return 'empty';
    const stored = this.#made.stored(headers);
    return { status, headers: this.#isHeaderUtf8 ? stored.map(utf8Field) : stored, body };
  }

  async packed(page: Page): Promise<Page> {
    const body = this.options.compress && mayBeTransformed(page) ? await compress(page.body) : undefined;
    const packed: Page = body
      ? { ...page, headers: this.#made.recoded(page.headers), body, contentEncoding: 'gzip' }
      : page;
    const before = this.options.keepsHeaders ? await this.before?.() : undefined;
    return before && isSameContent(packed, before)
      ? { ...packed, headers: this.#made.kept(packed.headers, before.headers) }
      : packed;
  }

  /** Converts a text to bytes only once: its tag and its page are made from the same bytes. */
  private bytesOf(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): Uint8Array {
    if (typeof chunk !== 'string') return chunk;
    this.#text = { chunk, encoding, bytes: Buffer.from(chunk, encoding) };
    return this.#text.bytes;
  }

  private copyOf(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): Buffer {
    if (typeof chunk !== 'string') return Buffer.from(chunk);
    const text = this.#text;
    return text?.chunk === chunk && text.encoding === encoding ? text.bytes : Buffer.from(chunk, encoding);
  }

  private abort(): void {
    this.#ended = true;
    this.#content.drop();
    this.rendering.abort();
  }
}

function isSameContent(one: Page, other: Page): boolean {
  return one.status === other.status && one.contentEncoding === other.contentEncoding && one.body.equals(other.body);
}
