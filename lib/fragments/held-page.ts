import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { decode, isDecodable } from '../http/codings.js';
import { decideHeader, isDecidedUtf8 } from '../http/header-encoding.js';
import { policyFields } from '../page/page-nonce.js';
import { hasMarkers, markedPieces } from './fragment-marker.js';
import { wereFragmentsNoted } from './fragment-use.js';
import { largePage } from './large-page.js';
import type { Outlet } from './outlet.js';
import { assembledCacheControl, isOfStored, type PageAssembly } from './page-assembly.js';

/** A page that is kept until its end, and then sent with its fragments. A page that is larger than pages may be is sent on as it comes. */
export class HeldPage {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #hasEnded = false;
  /** Where it goes when it is too large. */
  #large: Writable | undefined;
  #callback: (() => void) | undefined;

  /**
   * @param own writes the response
   * @param limit the size up to which it is kept, in bytes
   * @param isAssembled whether it counts as a page with fragments, although it may have none
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly own: Outlet,
    private readonly assembly: PageAssembly,
    private readonly limit: number,
    private readonly isAssembled: boolean,
  ) {
    // To the application, the header has been sent.
    Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
  }

  write([chunk, encoding, ...rest]: unknown[]): boolean {
    if (this.#hasEnded) return false;
    const callback = [encoding, ...rest].find((one) => typeof one === 'function') as (() => void) | undefined;
    this.add(chunk, encoding, false);
    if (callback) process.nextTick(callback);
    return this.isTooLarge ? this.goOn() : true;
  }

  flushHeaders(): void {
    decideHeader(this.response, '', undefined, false);
  }

  /** @param isAll whether the header was not made before */
  end(args: unknown[], isAll: boolean): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#callback = args.find((one) => typeof one === 'function') as (() => void) | undefined;
    const [chunk, encoding] = args;
    if (typeof chunk !== 'function' && chunk !== '') this.add(chunk, encoding, isAll);
    if (this.isTooLarge) {
      this.endLarge();
      return;
    }
    const body = Buffer.concat(this.#chunks);
    const coding = String(this.response.getHeader('content-encoding') ?? '');
    if (coding === '' && !this.countsAsAssembled() && !hasMarkers(body)) {
      this.send(body);
      return;
    }
    this.seemEnded();
    this.fill(body, coding)
      .then((filled) => {
        if (filled === 'size') this.endLarge();
        else this.send(filled ?? body, filled !== undefined);
      })
      .catch((error: Error) => this.response.destroy(error));
  }

  /** @returns `undefined` when there is nothing to fill in, `size` when the page is too large with its coding undone */
  private async fill(body: Buffer, coding: string): Promise<Buffer | 'size' | undefined> {
    const decoded = await decode(body, coding, this.limit);
    if (decoded === 'size') return decoded;
    // A page whose coding is unknown or wrong may have no coding: a visitor must not see a marker.
    const html = typeof decoded === 'string' && hasMarkers(body) ? body : decoded;
    if (typeof html === 'string' || (!this.countsAsAssembled() && !hasMarkers(html))) return undefined;
    const policies = policyFields((name) => this.response.getHeader(name));
    return this.assembly.assembleNew(markedPieces(html), policies, this.response.req);
  }

  private countsAsAssembled(): boolean {
    return this.isAssembled || wereFragmentsNoted(this.response.req);
  }

  private send(body: Buffer, isFilled = false): void {
    const { response, own } = this;
    if (isFilled) {
      this.replaceFields();
      response.removeHeader('content-encoding');
    }
    if (response.req.method !== 'HEAD' && !response.hasHeader('transfer-encoding') && !response.hasHeader('trailer')) {
      response.setHeader('Content-Length', body.length);
    }
    this.sendHeader();
    // Not with `end()`, which on HTTP/2 writes through what is wrapped around this.
    if (body.length > 0) own.write.call(response, body);
    own.end.call(response, this.#callback);
  }

  private sendHeader(): void {
    const { response, own } = this;
    this.free();
    own.writeHead.call(response, response.statusCode);
    if (!isDecidedUtf8(response)) return;
    if (response.req.method === 'HEAD') own.flushHeaders.call(response);
    // Unlike flushHeaders(), it lets the content leave together with the header.
    else own.write.call(response, '');
  }

  private get isTooLarge(): boolean {
    return this.#large !== undefined || this.#bytes > this.limit;
  }

  private endLarge(): void {
    this.goOn();
    this.seemEnded();
    this.#large?.end();
  }

  /** @returns whether the response takes more */
  private goOn(): boolean {
    this.#large ??= this.beginLarge();
    const chunks = this.#chunks;
    this.#chunks = [];
    return this.#large.write(Buffer.concat(chunks));
  }

  private beginLarge(): Writable {
    const { response, own } = this;
    const coding = String(response.getHeader('content-encoding') ?? '');
    // It is not known yet whether fragments will come.
    if (isDecodable(coding)) this.replaceFields();
    this.sendHeader();
    return largePage(response, own, coding, () => {
      this.free();
      own.end.call(response, this.#callback);
    });
  }

  /** To the application, the whole response has been written. */
  private seemEnded(): void {
    Object.defineProperty(this.response, 'writableEnded', { value: true, configurable: true });
  }

  private replaceFields(): void {
    const { response } = this;
    const said = response.getHeader('cache-control');
    for (const name of response.getHeaderNames()) {
      if (isOfStored(name)) response.removeHeader(name);
    }
    response.setHeader('Cache-Control', assembledCacheControl(String(said)));
  }

  private free(): void {
    Reflect.deleteProperty(this.response, 'headersSent');
    Reflect.deleteProperty(this.response, 'writableEnded');
  }

  private add(chunk: unknown, encoding: unknown, isAll: boolean): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    // The buffer belongs to the application, which may use it again.
    const text = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    // Of an answer to HEAD, only flushHeaders() sends the header before its end.
    if (this.response.req.method !== 'HEAD') decideHeader(this.response, chunk, text, isAll);
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, text) : Buffer.from(chunk);
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }
}
