import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { HeaderField } from '../http/fields.js';
import { CACHE_STATUS, NOT_A_PAGE } from './cache-status.js';
import type { HeldError, Methods as Sending, Step } from './held-error.js';
import type { Outlet } from '../fragments/outlet.js';

const OBSERVER = Symbol('nestjs-nginx-cache: observer');
const ENDING = Symbol('nestjs-nginx-cache: ending');
const HELD = Symbol('nestjs-nginx-cache: held');
const UNTIL = Symbol('nestjs-nginx-cache: until');
const BEGUN = Symbol('nestjs-nginx-cache: begun');
const WRITE = Symbol('nestjs-nginx-cache: write');
const ERROR = Symbol('nestjs-nginx-cache: error');

/** Sees what really leaves Node. */
export interface ResponseObserver {
  /**
   * Status and header are final and about to leave; fields may still be set.
   *
   * @returns the value of the `Cache-Status` field
   */
  head(): string;
  /** All of the content, in one piece, before any of it is written; it may come before `head` or after it. */
  whole?(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void;
  /** Content that has been written. It belongs to the application: copy it to keep it. */
  content(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): void;
  /**
   * The application ends the response.
   *
   * @returns what the end has to wait for, if it has to; never rejects
   */
  beforeEnd?(): Promise<unknown> | undefined;
  /**
   * The application has ended the response.
   *
   * @param whole `false` when the visitor had left, or the application had destroyed it, before the end
   */
  end(whole: boolean): void;
}

type Observed = ServerResponse & {
  [OBSERVER]?: ResponseObserver | string | undefined;
  [ENDING]?: boolean;
  [HELD]?: boolean;
  /** What the end waits for, besides what the observer waits for. */
  [UNTIL]?: Promise<unknown> | undefined;
  /** Whether content has been written. */
  [BEGUN]?: boolean;
  /** The method without anything that is wrapped around it later. */
  [WRITE]?: Method;
  /** Holds an error back, if one is to be. */
  [ERROR]?: HeldError | undefined;
};
type Method = (this: Observed, ...args: unknown[]) => unknown;
interface Methods {
  readonly writeHead: Method;
  readonly write: Method;
  readonly flushHeaders: Method;
  readonly end: Method;
}

/** One set of wrappers for each kind of response: HTTP/1, HTTP/2, injected. */
const wrappers = new WeakMap<object, Methods>();

/**
 * Puts the wrappers on a response. They must be the first: anything that is wrapped around the response later (compression, sessions that
 * set cookies when the header leaves, …) is then outside, and its work is seen.
 *
 * @param outlet what the response is written with: its own methods, or methods below them that fill fragments in
 * @returns `false`, with nothing done, when something has been wrapped around the response already
 */
export function instrument(
  response: ServerResponse,
  outlet: Pick<ServerResponse, Step> | Outlet = Object.getPrototypeOf(response) as ServerResponse,
): boolean {
  if (Object.hasOwn(response, OBSERVER)) return true;
  if (['writeHead', 'write', 'end'].some((method) => Object.hasOwn(response, method))) return false;
  let methods = wrappers.get(outlet);
  if (!methods) {
    methods = wrap(outlet);
    wrappers.set(outlet, methods);
  }
  Object.assign(response, methods, { [OBSERVER]: undefined, [WRITE]: methods.write });
  return true;
}

/** Whether something may change the content before it is seen here, as compression does. */
export function isWrapped(response: ServerResponse): boolean {
  return (response.write as unknown) !== (response as Observed)[WRITE];
}

/** Sets the observer of the response, or the `Cache-Status` that the response gets if it needs no observer. */
export function observe(response: ServerResponse, observer: ResponseObserver | string): void {
  (response as Observed)[OBSERVER] = observer;
}

/**
 * Lets the end of a response wait, if the response is instrumented.
 *
 * @param until never rejects
 * @returns whether it waits
 */
export function holdEnd(response: ServerResponse, until: Promise<unknown>): boolean {
  const held = response as Observed;
  if (!Object.hasOwn(held, OBSERVER)) return false;
  const all = held[UNTIL] ? Promise.all([held[UNTIL], until]) : until;
  held[UNTIL] = all;
  void all.then(() => {
    if (held[UNTIL] === all) held[UNTIL] = undefined;
  });
  return true;
}

/** Sets what holds back an error of the application. */
export function holdErrors(response: ServerResponse, error: HeldError | undefined): void {
  (response as Observed)[ERROR] = error;
}

/**
 * Sends something else in place of an error that is being held back. The observer of the response sees that it has failed.
 *
 * @param cacheStatus the value of the `Cache-Status` field
 */
export function sendInstead(
  response: ServerResponse,
  { writeHead, end }: Sending,
  failed: number,
  { status, fields, body }: { status: number; fields: readonly HeaderField[]; body: Buffer | undefined },
  cacheStatus: string,
): void {
  const observer = (response as Observed)[OBSERVER];
  response.statusCode = failed;
  if (typeof observer === 'object') {
    observer.head();
    observer.end(true);
  }
  observe(response, cacheStatus);
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  for (const [name, value] of fields) response.appendHeader(name, value);
  // Otherwise, the message is that of the error. HTTP/2 has none.
  if (response.req.httpVersionMajor === 1) response.statusMessage = '';
  writeHead.call(response, status);
  end.call(response, body);
}

function wrap(original: Pick<ServerResponse, Step> | Outlet): Methods {
  const writeHead = original.writeHead as unknown as Method;
  const write = original.write as unknown as Method;
  const end = original.end as unknown as Method;
  const flushHeaders = original.flushHeaders as unknown as Method;
  const methods: Methods = {
    writeHead(status, ...rest) {
      if (this[ERROR]?.holds(this, methods, 'writeHead', [status, ...rest])) return this;
      // Node refuses an invalid status, and the application may go on with a valid one.
      if (this.headersSent || !(Number(status) >= 100 && Number(status) < 1000))
        return writeHead.call(this, status, ...rest);
      const observer = this[OBSERVER];
      // Nobody looks at the fields, so Node can have them as they are.
      if (
        typeof observer !== 'object' &&
        rest.length === 1 &&
        isOther(rest[0], CACHE_STATUS) &&
        !this.hasHeader(CACHE_STATUS)
      )
        return writeHead.call(this, status, { ...rest[0], [CACHE_STATUS]: observer ?? NOT_A_PAGE });
      const reason = typeof rest[0] === 'string' ? rest[0] : undefined;
      setFields(this, reason === undefined ? (rest[0] ?? rest[1]) : rest[1]);
      this.statusCode = status as number;
      const value = typeof observer === 'object' ? observer.head() : (observer ?? NOT_A_PAGE);
      this.appendHeader(CACHE_STATUS, value);
      return reason === undefined ? writeHead.call(this, status) : writeHead.call(this, status, reason);
    },
    write(...args) {
      if (this[ERROR]?.holds(this, methods, 'write', args)) return false;
      // To the application, the response has ended: Node would not send this either.
      if (this[HELD] && !this[ENDING]) return false;
      this[BEGUN] = true;
      const result = write.apply(this, args);
      const observer = this[OBSERVER];
      const content = this[ENDING] ? undefined : contentOf(args);
      if (typeof observer === 'object' && content) observer.content(...content);
      return result;
    },
    flushHeaders() {
      if (this[ERROR]?.holds(this, methods, 'flushHeaders', [])) return undefined;
      const result = flushHeaders.call(this);
      const observer = this[OBSERVER];
      // Node sends the fields with an empty text.
      if (typeof observer === 'object') observer.content('', undefined);
      return result;
    },
    end(...args) {
      if (this[ERROR]?.holds(this, methods, 'end', args)) return this;
      const observer = this[OBSERVER];
      // To the application, the response has ended.
      if (this[HELD]) return this;
      const wait = isContent(args[0]) ? waitOf(this) : undefined;
      if (typeof observer !== 'object' && !wait) return end.apply(this, args);
      if (wait) {
        this[HELD] = true;
        Object.defineProperty(this, 'writableEnded', { value: true, configurable: true });
        fixHeader(this, args);
        wait.then(() => endNow.call(this, observer, args)).catch((error: Error) => this.destroy(error));
        return this;
      }
      return endNow.call(this, observer, args);
    },
  };
  return methods;

  function endNow(this: Observed, given: ResponseObserver | string | undefined, args: unknown[]): unknown {
    const observer = typeof given === 'object' ? given : undefined;
    const whole = !this.destroyed && !this.errored && !this.socket?.destroyed;
    delete (this as { writableEnded?: boolean }).writableEnded;
    // Responses of HTTP/2 and of light-my-request call write() with what end() is given.
    this[ENDING] = true;
    // Now Node answers whoever ends the response again.
    this[HELD] = false;
    try {
      const content = contentOf(args);
      if (content && !this[BEGUN]) observer?.whole?.(...content);
      const result = end.apply(this, args);
      if (content && content[0] !== '') observer?.content(...content);
      // Only once: some middleware ends a response twice.
      this[OBSERVER] = observer ? NOT_A_PAGE : given;
      observer?.end(whole);
      return result;
    } finally {
      this[ENDING] = false;
    }
  }
}

/** What the end of the response has to wait for. */
function waitOf({ [OBSERVER]: observer, [UNTIL]: until, req }: Observed): Promise<unknown> | undefined {
  const wait = typeof observer === 'object' ? observer.beforeEnd?.() : undefined;
  // Node decides by itself what the header of an answer without content says.
  if (!until || req.method === 'HEAD') return wait;
  return wait ? Promise.all([wait, until]) : until;
}

/**
 * Makes the header now, as `end()` would (OutgoingMessage.prototype.end in Node's lib/_http_outgoing.js). It leaves with the content, but
 * to the application it has been sent.
 */
function fixHeader(response: ServerResponse, [chunk, encoding]: unknown[]): void {
  if (response.headersSent) return;
  const { statusCode } = response;
  const isFramed = response.hasHeader('content-length') || response.hasHeader('transfer-encoding');
  if (!isFramed && statusCode !== 204 && statusCode !== 304) {
    response.setHeader('Content-Length', lengthOf(chunk, encoding));
  }
  response.writeHead(statusCode);
}

/** Whether `end()` takes it; with anything else, `end()` must throw at once. */
function isContent(chunk: unknown): boolean {
  return chunk == null || ['string', 'function'].includes(typeof chunk) || chunk instanceof Uint8Array;
}

function lengthOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string')
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** What `write()` and `end()` were given to send. */
function contentOf([chunk, encoding]: unknown[]): Parameters<ResponseObserver['content']> | undefined {
  if (typeof chunk === 'string')
    return [chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined];
  return chunk instanceof Uint8Array ? [chunk, undefined] : undefined;
}

/** Whether these are fields by name, and none of them is the given one. */
function isOther(fields: unknown, name: string): fields is OutgoingHttpHeaders {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return false;
  for (const field in fields)
    if (field.length === name.length && field.toLowerCase() === name.toLowerCase()) return false;
  return true;
}

/** What `writeHead(status, fields)` does with the fields, done before it, so that the observer sees all of them. */
function setFields(response: ServerResponse, fields: unknown): void {
  if (fields === null || typeof fields !== 'object') return;
  if (Array.isArray(fields)) {
    // Names and values in turn, or (undocumented, but Node takes it) in pairs.
    const flat = (Array.isArray(fields[0]) ? fields.flat() : fields) as OutgoingHttpHeader[];
    for (let index = 0; index < flat.length; index += 2) response.removeHeader(String(flat[index]));
    for (let index = 0; index < flat.length; index += 2) {
      const value = flat[index + 1];
      response.appendHeader(String(flat[index]), Array.isArray(value) ? value : String(value));
    }
    return;
  }
  for (const [name, value] of Object.entries(fields as OutgoingHttpHeaders)) {
    if (name !== '') response.setHeader(name, value as OutgoingHttpHeader);
  }
}
