import type { ServerResponse } from 'node:http';
import { decode } from '../http/codings.js';
import { hasMarkers, markedPieces, unfinishedMarker } from './fragment-marker.js';
import { wereFragmentsNoted } from './fragment-use.js';
import { assembledCacheControl, isOfStored, type PageAssembly } from './page-assembly.js';
import { isPlace } from './page-pieces.js';

/** What a response is written with. */
export type Outlet = Readonly<
  Record<'writeHead' | 'write' | 'flushHeaders' | 'end', (this: ServerResponse, ...args: unknown[]) => unknown>
>;

/**
 * A page that is kept until its end is known, then sent with its fragments. One that is larger than pages may be goes on as it comes, with
 * the fallbacks in the place of its fragments.
 */
export class HeldPage {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #hasEnded = false;
  #isTooLarge = false;
  #isText = true;

  /**
   * @param own writes the response
   * @param limit in bytes
   * @param isAssembled whether it counts as one with fragments, although it may have none
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly own: Outlet,
    private readonly assembly: PageAssembly,
    private readonly limit: number,
    private readonly isAssembled: boolean,
  ) {
    // For the application, the header has been sent.
    Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
  }

  write([chunk, encoding, ...rest]: unknown[]): boolean {
    if (this.#hasEnded) return false;
    const callback = [encoding, ...rest].find((one) => typeof one === 'function') as (() => void) | undefined;
    this.add(chunk, encoding);
    if (callback) process.nextTick(callback);
    if (!this.#isTooLarge && this.#bytes <= this.limit) return true;
    this.goOn();
    return !this.response.writableNeedDrain;
  }

  end(args: unknown[]): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const callback = args.find((one) => typeof one === 'function') as (() => void) | undefined;
    const [chunk, encoding] = args;
    if (typeof chunk !== 'function') this.add(chunk, encoding);
    if (this.#isTooLarge || this.#bytes > this.limit) {
      if (!this.#isTooLarge) this.goOn();
      this.writeOn(true);
      this.own.end.call(this.response, callback);
      return;
    }
    const body = Buffer.concat(this.#chunks);
    const coding = String(this.response.getHeader('content-encoding') ?? '');
    if (coding === '' && !this.countsAsAssembled() && !hasMarkers(body)) {
      this.send(body, callback);
      return;
    }
    Object.defineProperty(this.response, 'writableEnded', { value: true, configurable: true });
    this.fill(body, coding)
      .then((filled) => this.send(filled ?? body, callback, filled !== undefined))
      .catch((error: Error) => this.response.destroy(error));
  }

  /** @returns `undefined` when there is nothing to fill in */
  private async fill(body: Buffer, coding: string): Promise<Buffer | undefined> {
    const html = await decode(body, coding, this.limit);
    if (typeof html === 'string' || (!this.countsAsAssembled() && !hasMarkers(html))) return undefined;
    return this.assembly.assemble(markedPieces(html), this.response.req);
  }

  private countsAsAssembled(): boolean {
    return this.isAssembled || wereFragmentsNoted(this.response.req);
  }

  private send(body: Buffer, callback: (() => void) | undefined, isFilled = false): void {
    const { response, own } = this;
    if (isFilled) this.replaceFields();
    if (response.req.method !== 'HEAD' && !response.hasHeader('transfer-encoding') && !response.hasHeader('trailer')) {
      response.setHeader('Content-Length', body.length);
    }
    this.free();
    own.writeHead.call(response, response.statusCode);
    // Not with `end()`, which on HTTP/2 writes by way of what is wrapped around this. A text, if it was one: Node sends the header like it.
    if (body.length > 0) own.write.call(response, this.#isText && !isFilled ? body.toString() : body);
    own.end.call(response, callback);
  }

  private goOn(): void {
    if (!this.#isTooLarge) {
      this.#isTooLarge = true;
      // Nobody knows what is still to come.
      if (!this.response.hasHeader('content-encoding')) this.replaceFields();
      this.free();
      this.own.writeHead.call(this.response, this.response.statusCode);
    }
    this.writeOn(false);
  }

  private writeOn(isLast: boolean): void {
    const all = Buffer.concat(this.#chunks);
    const end = isLast ? all.length : unfinishedMarker(all);
    this.#chunks = [all.subarray(end)];
    const html = markedPieces(all.subarray(0, end)).map((piece) =>
      isPlace(piece) ? Buffer.from(piece.fallback) : piece,
    );
    this.own.write.call(this.response, Buffer.concat(html));
  }

  private replaceFields(): void {
    const { response } = this;
    const said = response.getHeader('cache-control');
    for (const name of response.getHeaderNames()) {
      if (name === 'content-encoding' || isOfStored(name)) response.removeHeader(name);
    }
    response.setHeader('Cache-Control', assembledCacheControl(String(said)));
  }

  private free(): void {
    Reflect.deleteProperty(this.response, 'headersSent');
    Reflect.deleteProperty(this.response, 'writableEnded');
  }

  private add(chunk: unknown, encoding: unknown): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    // The buffer belongs to the application, which may use it again.
    const text = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    if (typeof chunk !== 'string' || (text !== undefined && text !== 'utf8')) this.#isText = false;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, text) : Buffer.from(chunk);
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }
}
