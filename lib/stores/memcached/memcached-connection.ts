import { once } from 'node:events';
import type { Socket } from 'node:net';
import { authentication, type MemcachedAccess, NOOP, openSocket } from './memcached-access.js';
import { MemcachedError } from './memcached-error.js';
import { MemcachedReplyParser, type MemcachedReply } from './memcached-reply.js';
import { untilReturned } from './server-return.js';

/** Commands that go out together. Each gets one reply, in the same order. */
export interface MemcachedRequest {
  /** The name in errors: `get`, `set`, `delete`. */
  readonly operation: string;
  /** The commands as they go over the wire. */
  readonly bytes: readonly (string | Buffer)[];
  readonly replies: number;
  /** The codes of valid replies. Any other code but `SERVER_ERROR` means that the replies are out of step. */
  readonly accepts: readonly string[];
  /** The deadline, in milliseconds from when the request goes out; it includes connecting. */
  readonly timeout: number;
}

/** Times in milliseconds. */
export interface MemcachedConnectionOptions extends MemcachedAccess {
  /** How long a server may send nothing, while answers are due, before it is taken for dead. */
  readonly silence: number;
  /** How many bytes may wait for an answer before requests are refused. */
  readonly maxPendingBytes: number;
  /** Is called when the server goes down. */
  readonly onDown?: (reason: string) => void;
  /** Is called when a server that was down answers again. */
  readonly onReturn?: () => void;
}

interface Pending extends MemcachedRequest {
  readonly size: number;
  readonly received: MemcachedReply[];
  readonly settle: (failure: MemcachedError | undefined, replies: MemcachedReply[]) => void;
  isSettled: boolean;
  timer?: NodeJS.Timeout;
}

/** What a waiting request takes besides its bytes, in bytes. */
const OVERHEAD = 200;

const CLOSED = 'the server closed the connection';
const NO_META =
  'the server does not speak the meta protocol: memcached 1.6.13 or newer is needed, and no proxy such as twemproxy (docs/cluster.md)';

/**
 * One pipelined connection that reconnects by itself.
 *
 * It opens with the first request. A request that misses its deadline rejects alone: its answer is dropped when it comes. When the connection
 * breaks, everything in the pipeline rejects. Until the server has answered again, every request rejects at once.
 */
export class MemcachedConnection {
  #socket: Socket | undefined;
  #pipeline: Pending[] = [];
  #pendingBytes = 0;
  /** The requests that go out at the end of this turn of the event loop. */
  #outgoing: Pending[] = [];
  /** When the server last gave a sign of life, or was asked while no answer was due. */
  #heard = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #hasConnected = false;
  #losses = 0;
  #down: string | undefined;
  /** Stops waiting for a server that is down. */
  #giveUp = (): void => undefined;
  /** Why nothing more is sent. */
  #closed: string | undefined;

  constructor(
    private readonly server: string,
    private readonly options: MemcachedConnectionOptions,
  ) {}

  /** How many connections have been lost or closed. */
  get losses(): number {
    return this.#losses;
  }

  /** @throws MemcachedError when the server is down, does not answer in time, or answers with an error */
  request(request: MemcachedRequest): Promise<MemcachedReply[]> {
    return new Promise((resolve, reject) => {
      const size = request.bytes.reduce((sum, part) => sum + part.length, OVERHEAD);
      const refusal = this.#refusal(size);
      if (refusal) return reject(new MemcachedError(this.server, request.operation, refusal));
      if (!this.#socket) this.#open();
      this.#send(request, size, (failure, replies) => (failure ? reject(failure) : resolve(replies)));
    });
  }

  #refusal(size: number): string | undefined {
    if (this.#closed) return this.#closed;
    if (this.#down) return `the server is down (${this.#down})`;
    const { maxPendingBytes } = this.options;
    return this.#pendingBytes + size > maxPendingBytes
      ? `over ${maxPendingBytes} bytes wait for an answer already`
      : undefined;
  }

  /** Rejects what is pending; resolves when the socket is gone. */
  async close(reason = 'the client is closed'): Promise<void> {
    this.#closed ??= reason;
    this.#giveUp();
    const socket = this.#socket;
    if (!socket) return;
    this.#break(reason);
    if (!socket.closed) await once(socket, 'close');
  }

  #open(): void {
    const socket = openSocket(this.server, this.options);
    const parser = new MemcachedReplyParser();
    this.#socket = socket;
    this.#hasConnected = false;
    this.#outgoing = [];
    socket.on('data', (chunk) => {
      this.#heard = performance.now();
      try {
        for (const reply of parser.push(chunk)) if (this.#socket === socket) this.#receive(reply);
      } catch (error) {
        this.#lost(socket, `the server answered rubbish: ${(error as Error).message}`);
      }
    });
    socket.on('connect', () => {
      this.#heard = performance.now();
      this.#hasConnected = true;
    });
    socket.on('error', (error) => this.#lost(socket, error.message || String((error as NodeJS.ErrnoException).code)));
    socket.on('close', () => this.#lost(socket, CLOSED));
    const { silence } = this.options;
    const secret = authentication(this.options);
    if (secret !== undefined) {
      const login = { operation: 'authenticate', bytes: [secret], replies: 1, accepts: ['STORED'], timeout: silence };
      this.#send(login, 0, () => {});
    }
    const hello = { operation: 'connect', bytes: [NOOP], replies: 1, accepts: ['MN'], timeout: silence };
    this.#send(hello, 0, (failure) => {
      if (failure) return;
      const wasDown = this.#down !== undefined;
      this.#down = undefined;
      if (wasDown) this.options.onReturn?.();
    });
  }

  #send(request: MemcachedRequest, size: number, settle: Pending['settle']): void {
    const pending: Pending = { ...request, size, received: [], settle, isSettled: false };
    this.#pipeline.push(pending);
    this.#pendingBytes += size;
    // All requests of one turn of the event loop go out in one system call.
    if (this.#outgoing.push(pending) === 1) {
      const outgoing = this.#outgoing;
      process.nextTick(() => this.#flush(outgoing));
    }
  }

  #flush(outgoing: Pending[]): void {
    if (this.#outgoing !== outgoing) return;
    this.#outgoing = [];
    const socket = this.#socket!;
    const parts = outgoing.flatMap(({ bytes }) => bytes);
    if (parts.every((part) => typeof part === 'string')) socket.write(parts.join(''), 'latin1');
    // They go out in one piece: copying a page takes a fraction of what Node does for each piece.
    else socket.write(Buffer.concat(parts.map(bytesOf)));
    // The deadlines begin here: the turn of the event loop that made the requests may have been a long one.
    for (const pending of outgoing) {
      pending.timer = afterReading(pending.timeout, () => {
        // A timed-out `ms` is on its way already, so its item may still be stored.
        this.#settle(pending, `no answer within ${pending.timeout} ms`);
      });
    }
    // No answer was due before, so the silence begins now.
    if (this.#pipeline.length === outgoing.length) this.#heard = performance.now();
    if (!this.#watchdog) this.#watch(this.options.silence);
  }

  /** Breaks the connection when the server stays silent. */
  #watch(milliseconds: number): void {
    const socket = this.#socket;
    this.#watchdog = afterReading(milliseconds, () => {
      this.#watchdog = undefined;
      if (this.#socket !== socket || this.#pipeline.length === 0) return;
      const left = this.#heard + this.options.silence - performance.now();
      if (left > 0) this.#watch(left);
      else this.#break(`no answer within ${this.options.silence} ms`);
    });
  }

  #receive(reply: MemcachedReply): void {
    const pending = this.#pipeline[0];
    if (!pending) return this.#break(`the server answered what nobody asked: ${shown(reply)}`);
    if (reply.code !== 'SERVER_ERROR' && !pending.accepts.includes(reply.code)) {
      return this.#break(
        reply.code === 'ERROR' && pending.operation === 'connect' ? NO_META : `the server answered ${shown(reply)}`,
      );
    }
    pending.received.push(reply);
    if (pending.received.length < pending.replies) return;
    this.#pipeline.shift();
    this.#pendingBytes -= pending.size;
    const error = pending.received.find(({ code }) => code === 'SERVER_ERROR');
    this.#settle(pending, error && `the server answered ${shown(error)}`);
  }

  #lost(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    // memcached closes idle connections (-o idle_timeout); nothing is lost then.
    if (this.#pipeline.length > 0) return this.#break(this.#isRefused(reason) ? NO_META : reason);
    this.#socket = undefined;
    this.#losses += 1;
    socket.destroy();
  }

  /** A proxy that does not know the first command closes the connection. */
  #isRefused(reason: string): boolean {
    return reason === CLOSED && this.#hasConnected && this.#pipeline[0]?.operation === 'connect';
  }

  #break(reason: string): void {
    const pipeline = this.#pipeline;
    this.#pipeline = [];
    this.#outgoing = [];
    this.#pendingBytes = 0;
    clearTimeout(this.#watchdog);
    this.#watchdog = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#losses += 1;
    if (!this.#closed) this.#wait(reason);
    for (const pending of pipeline) this.#settle(pending, reason);
  }

  #wait(reason: string): void {
    const { silence, onDown } = this.options;
    const how = { ...this.options, patience: silence, isEager: this.#down === undefined };
    this.#down = reason;
    onDown?.(reason);
    this.#giveUp = untilReturned(this.server, how, () => this.#open());
  }

  #settle(pending: Pending, reason: string | undefined): void {
    if (pending.isSettled) return;
    pending.isSettled = true;
    clearTimeout(pending.timer);
    pending.settle(reason ? new MemcachedError(this.server, pending.operation, reason) : undefined, pending.received);
  }
}

function bytesOf(part: string | Buffer): Buffer {
  return typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
}

/**
 * Acts after a delay and one more read of the sockets. Timers run before sockets are read, so after a busy turn of the event loop the answer may be
 * there already.
 */
function afterReading(milliseconds: number, action: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(action), milliseconds).unref();
}

function shown(reply: MemcachedReply): string {
  return JSON.stringify(reply.line.slice(0, 100));
}
