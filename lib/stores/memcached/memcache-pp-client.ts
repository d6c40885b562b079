import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { StoredValue } from '../../page/page-format.js';
import type { MemcachedPageClient } from './memcached-client.interface.js';
import { MemcachedError } from './memcached-error.js';
import { memcachedExpiry } from './memcached-expiry.js';

/** The part of a memcache-pp 0.3.3 client that is used (lib/client.js). */
export interface MemcachePp {
  readonly hosts: readonly string[];
  readonly connections: Readonly<Record<string, MemcachePpConnection>>;
  ready(): boolean;
  set(key: string, value: string, ttl: number): PromiseLike<void>;
  delete(key: string): PromiseLike<boolean>;
  disconnect(): PromiseLike<unknown>;
}

/** The part of its connections that is used (lib/connection.js). */
interface MemcachePpConnection {
  client: Socket | null;
  ready: boolean;
  backoffLimit: number;
  read(line: string): void;
  on(event: 'connect', listener: () => void): void;
}

/** The deadline of every operation, including connecting, in milliseconds. */
const TIMEOUT = 1000;
const DELETE_CHUNK = 500;
/** memcache-pp doubles its wait while the wait is below this, in milliseconds, so the wait stays below a second. */
const BACKOFF_LIMIT = 500;

/**
 * memcache-pp behind the interface of the built-in client.
 *
 * Operations get a deadline, which memcache-pp does not have. When one misses it, the connection is dropped: memcache-pp would go on writing to it
 * for ever.
 */
export class MemcachePpClient implements MemcachedPageClient {
  readonly #connected: Promise<void>;
  #everReady = false;
  #closed = false;

  constructor(
    private readonly server: string,
    private readonly client: MemcachePp,
  ) {
    this.#connected = new Promise((resolve) => {
      for (const connection of Object.values(client.connections)) {
        connection.backoffLimit = BACKOFF_LIMIT;
        if (connection.ready) guardReads(connection);
        connection.on('connect', () => {
          guardReads(connection);
          resolve();
        });
      }
    });
  }

  /** Always a miss: memcache-pp returns only the last line of a value, and throws when a line of it is `END`. */
  async get(): Promise<undefined> {
    return undefined;
  }

  async set(key: string, { bytes, flags }: StoredValue, ttl: number): Promise<void> {
    if (flags !== 0) throw this.#error('set', 'memcache-pp stores no flags, so no compressed pages');
    if (!isUtf8(bytes)) throw this.#error('set', 'memcache-pp stores UTF-8 text only, and this page is none');
    const expiry = memcachedExpiry(ttl);
    await this.#run('set', () => this.client.set(this.#textKey('set', key), bytes.toString(), expiry));
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    let deleted = 0;
    for (let at = 0; at < keys.length; at += DELETE_CHUNK) {
      const chunk = keys.slice(at, at + DELETE_CHUNK).map((key) => this.#textKey('delete', key));
      const results = await this.#run('delete', () => Promise.all(chunk.map((key) => this.client.delete(key))));
      deleted += results.filter(Boolean).length;
    }
    return deleted;
  }

  /**
   * Ends the sockets. If the server is down, memcache-pp's timer for the next attempt cannot be reached. It ends within a second, without another
   * attempt.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const sockets = this.#sockets();
    await this.client.disconnect();
    for (const socket of sockets) socket.destroy();
  }

  #sockets(): Socket[] {
    return Object.values(this.client.connections).flatMap(({ client }) => client ?? []);
  }

  async #run<T>(operation: string, task: () => PromiseLike<T>): Promise<T> {
    if (this.#closed) throw this.#error(operation, 'the client is closed');
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        for (const socket of this.#sockets()) socket.destroy();
        reject(this.#error(operation, `no answer within ${TIMEOUT} ms`));
      }, TIMEOUT).unref();
    });
    try {
      if (!this.client.ready() && !this.#everReady) await Promise.race([this.#connected, expired]);
      this.#everReady = true;
      // memcache-pp would keep such operations without a limit, for as long as the server is down.
      if (!this.client.ready()) throw this.#error(operation, 'the server is down');
      return await Promise.race([task(), expired]);
    } catch (error) {
      throw error instanceof MemcachedError
        ? error
        : this.#error(operation, String((error as Error)?.message ?? error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** memcache-pp writes keys as UTF-8, so a key with one UTF-16 unit per byte must become text first. */
  #textKey(operation: string, key: string): string {
    const bytes = Buffer.from(key, 'latin1');
    if (isUtf8(bytes) && bytes.length < 250) return bytes.toString();
    throw this.#error(
      operation,
      `memcache-pp takes keys of UTF-8 text below 250 bytes only, got ${JSON.stringify(key)}`,
    );
  }

  #error(operation: string, reason: string): MemcachedError {
    return new MemcachedError(this.server, operation, reason);
  }
}

/**
 * For an unexpected line, memcache-pp throws outside of any promise (`read`, lib/connection.js), which would end the process. Here it costs only
 * the connection.
 */
function guardReads(connection: MemcachePpConnection): void {
  const socket = connection.client!;
  let rest = '';
  socket.removeAllListeners('data').on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) {
      try {
        connection.read(line);
      } catch {
        socket.destroy();
        return;
      }
    }
  });
}
