import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connectOptions } from './memcached-address.js';
import { reconnectDelay } from './memcached-backoff.js';
import { MemcachedError } from './memcached-error.js';
import { MemcachedReplyParser, type MemcachedReply } from './memcached-reply.js';

/** Some commands and the replies they wait for, one each, in order. */
export interface MemcachedRequest {
  /** For errors: `get`, `set`, `delete`. */
  readonly operation: string;
  /** The commands as they go over the wire. */
  readonly bytes: readonly (string | Buffer)[];
  readonly replies: number;
  /** The codes that are an answer; any other but `SERVER_ERROR` means that the replies are out of step. */
  readonly accepts: readonly string[];
  /** Milliseconds from now, connecting included. */
  readonly timeout: number;
}

interface Pending extends MemcachedRequest {
  readonly size: number;
  readonly received: MemcachedReply[];
  readonly settle: (failure: MemcachedError | undefined, replies: MemcachedReply[]) => void;
  timer?: NodeJS.Timeout;
}

/**
 * One pipelined connection that comes back by itself.
 *
 * It opens with the first request. When it breaks, everything in the pipeline rejects, and until the server has
 * answered again (to `mn`, since the kernel accepts connections for a stopped process too) every request rejects at once.
 */
export class MemcachedConnection {
  #socket: Socket | undefined;
  #pipeline: Pending[] = [];
  #pendingBytes = 0;
  #corked = false;
  #failures = 0;
  #down: string | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly server: string,
    private readonly connectTimeout: number,
  ) {}

  /** Bytes of the commands that have not been answered. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @throws MemcachedError when the server is down, does not answer in time, or answers with an error */
  request(request: MemcachedRequest): Promise<MemcachedReply[]> {
    return new Promise((resolve, reject) => {
      const refusal = this.#closed ? 'the client is closed' : this.#down && `the server is down (${this.#down})`;
      if (refusal) return reject(new MemcachedError(this.server, request.operation, refusal));
      if (!this.#socket) this.#open();
      this.#send(request, (failure, replies) => (failure ? reject(failure) : resolve(replies)));
    });
  }

  /** Rejects what is pending; resolves when the socket is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    const socket = this.#socket;
    if (!socket) return;
    this.#break('the client is closed');
    if (!socket.closed) await once(socket, 'close');
  }

  #open(): void {
    const socket = connect({ ...connectOptions(this.server), noDelay: true });
    const parser = new MemcachedReplyParser();
    this.#socket = socket;
    this.#corked = false;
    socket.on('data', (chunk) => {
      try {
        for (const reply of parser.push(chunk)) if (this.#socket === socket) this.#receive(reply);
      } catch (error) {
        this.#lost(socket, `the server answered rubbish: ${(error as Error).message}`);
      }
    });
    socket.on('error', (error) => this.#lost(socket, error.message || String((error as NodeJS.ErrnoException).code)));
    socket.on('close', () => this.#lost(socket, 'the server closed the connection'));
    this.#send(
      { operation: 'connect', bytes: ['mn\r\n'], replies: 1, accepts: ['MN'], timeout: this.connectTimeout },
      (failure) => {
        if (failure) return;
        this.#down = undefined;
        this.#failures = 0;
      },
    );
  }

  #send(request: MemcachedRequest, settle: Pending['settle']): void {
    const socket = this.#socket!;
    const size = request.bytes.reduce((sum, part) => sum + part.length, 0);
    const pending: Pending = { ...request, size, received: [], settle };
    this.#pipeline.push(pending);
    this.#pendingBytes += size;

    // What one turn of the event loop asks goes out in one system call.
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    for (const part of request.bytes) {
      if (typeof part === 'string') socket.write(part, 'latin1');
      else socket.write(part);
    }

    // Timers run before sockets are read: after a busy event loop the answer may be there already. One more read, then.
    pending.timer = setTimeout(() => setImmediate(() => this.#expire(pending)), request.timeout).unref();
  }

  #expire(pending: Pending): void {
    if (!this.#pipeline.includes(pending)) return;
    // The bytes of a timed-out `ms` may lie in the kernel's buffer, and a server that wakes up applies it later, after
    // whatever has been done meanwhile on a new connection: a timed-out set may still store.
    this.#break(`no answer within ${pending.timeout} ms`);
  }

  #receive(reply: MemcachedReply): void {
    const pending = this.#pipeline[0];
    if (!pending) return this.#break(`the server answered what nobody asked: ${shown(reply)}`);
    if (reply.code !== 'SERVER_ERROR' && !pending.accepts.includes(reply.code)) {
      return this.#break(
        reply.code === 'ERROR' && pending.operation === 'connect'
          ? 'the server does not speak the meta protocol (memcached 1.6.13 or newer is needed)'
          : `the server answered ${shown(reply)}`,
      );
    }
    pending.received.push(reply);
    if (pending.received.length < pending.replies) return;
    this.#pipeline.shift();
    const error = pending.received.find(({ code }) => code === 'SERVER_ERROR');
    this.#settle(pending, error && `the server answered ${shown(error)}`);
  }

  #lost(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    // memcached closes idle connections (-o idle_timeout); nothing is lost then.
    if (this.#pipeline.length > 0) return this.#break(reason);
    this.#socket = undefined;
    socket.destroy();
  }

  #break(reason: string): void {
    const pipeline = this.#pipeline;
    this.#pipeline = [];
    this.#socket?.destroy();
    this.#socket = undefined;
    if (!this.#closed) {
      this.#down = reason;
      this.#failures += 1;
      this.#reconnect = setTimeout(() => this.#open(), reconnectDelay(this.#failures)).unref();
    }
    for (const pending of pipeline) this.#settle(pending, reason);
  }

  #settle(pending: Pending, reason: string | undefined): void {
    clearTimeout(pending.timer);
    this.#pendingBytes -= pending.size;
    pending.settle(reason ? new MemcachedError(this.server, pending.operation, reason) : undefined, pending.received);
  }
}

function shown(reply: MemcachedReply): string {
  return JSON.stringify(reply.line.slice(0, 100));
}
