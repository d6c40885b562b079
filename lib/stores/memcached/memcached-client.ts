import { Turns } from '../../async/turns.js';
import { MEMCACHED_KEY_MAX_LENGTH } from '../../page/memcached-key.js';
import type { StoredValue } from '../../page/page-format.js';
import type { ChangeResult, MemcachedMetaClient } from './memcached-client.interface.js';
import type { MemcachedAccess } from './memcached-access.js';
import { MemcachedConnection } from './memcached-connection.js';
import { MemcachedError } from './memcached-error.js';
import { memcachedExpiry } from './memcached-expiry.js';
import { memcachedStats } from './memcached-stats.js';
import type { MemcachedReply } from './memcached-reply.js';
import { type ItemDetails, itemDetails } from './item-details.js';
import { type DumpedItem, metadump, STOPPED } from './memcached-metadump.js';

/** Times in milliseconds. */
export interface MemcachedClientOptions extends MemcachedAccess {
  /** For a get, which a visitor may be waiting for. Default 50. */
  readonly getTimeout?: number;
  /**
   * For a set, and for each 500 keys of a delete. Also how long the server may stay silent while answers are due, before the connection is given
   * up. Default 1000.
   */
  readonly writeTimeout?: number;
  /** How long to wait for another listing to end, and for each piece of this one. Default 10,000. */
  readonly listTimeout?: number;
  /** How many bytes may wait for an answer before further operations reject at once. Default 64 MiB. */
  readonly maxPendingBytes?: number;
}

/** How many commands go out at once. A get behind them waits about a millisecond. */
const CHUNK = 500;

const PROXY =
  "the server is memcached's proxy: pass the servers behind it to memcachedStore() instead (docs/cluster.md)";

const NO_CAS =
  'the server was started with -C, so it cannot compare and set: start it without, and then the application again';

const CHANGES = { HD: 'changed', EX: 'other', NF: 'missing' } as const;

const KEY = new RegExp(`^[\\x21-\\xff]{1,${MEMCACHED_KEY_MAX_LENGTH}}$`);

/**
 * A client for one memcached server: any bytes, 32-bit flags, the list of keys, and an answer within a deadline.
 *
 * It connects with the first operation, and reconnects by itself. While the server is down, every operation rejects at once. It speaks the meta
 * protocol (memcached doc/protocol.txt, "Meta Commands"; memcached 1.6.13 or newer).
 *
 * @param server `'127.0.0.1:11211'`, `'[::1]:11211'` or `'unix:/run/memcached.sock'`
 * @throws MemcachedError from every operation
 * @example
 * const client = new MemcachedClient('127.0.0.1:11211');
 * await client.set('page:/', { bytes: Buffer.from('<h1>Hello</h1>'), flags: 0 }, 300_000);
 * await client.deleteMany(['page:/']); // 1
 */
export class MemcachedClient implements MemcachedMetaClient {
  readonly #connection: MemcachedConnection;
  /** Ends the listings that are under way. */
  #listing = new AbortController();
  readonly #returns: (() => void)[] = [];
  readonly #lists = new Turns<readonly DumpedItem[]>();
  readonly #getTimeout: number;
  readonly #writeTimeout: number;
  readonly #listTimeout: number;
  readonly #access: MemcachedAccess;

  constructor(
    private readonly server: string,
    options: MemcachedClientOptions = {},
  ) {
    this.#getTimeout = options.getTimeout ?? 50;
    this.#writeTimeout = options.writeTimeout ?? 1000;
    this.#listTimeout = options.listTimeout ?? 10_000;
    const { maxPendingBytes = 64 * 1024 * 1024, tls, credentials } = options;
    this.#access = { tls, credentials };
    this.#connection = new MemcachedConnection(server, {
      silence: this.#writeTimeout,
      maxPendingBytes,
      onDown: (reason) => {
        this.#listing.abort(new Error(`the server is down (${reason})`));
        this.#listing = new AbortController();
      },
      onReturn: () => {
        for (const listener of this.#returns) listener();
      },
      ...this.#access,
    });
  }

  get losses(): number {
    return this.#connection.losses;
  }

  onReturn(listener: () => void): void {
    this.#returns.push(listener);
  }

  async get(key: string): Promise<StoredValue | undefined> {
    this.#check('get', key);
    const [reply] = await this.#connection.request({
      operation: 'get',
      bytes: [`mg ${key} v f\r\n`],
      replies: 1,
      accepts: ['VA', 'EN'],
      timeout: this.#getTimeout,
    });
    return reply?.value && { bytes: reply.value, flags: flagsIn(reply.line) ?? 0 };
  }

  async set(key: string, value: StoredValue, ttl: number): Promise<void> {
    await this.#store(key, value, ttl, '', ['HD']);
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    const replies = await this.#each('delete', keys, (key) => `md ${key}\r\n`, ['HD', 'NF']);
    return replies.filter(({ code }) => code === 'HD').length;
  }

  async getForUpdate(key: string): Promise<{ bytes: Buffer; cas: string } | undefined> {
    const [reply] = await this.#each('get', [key], () => `mg ${key} v c\r\n`, ['VA', 'EN']);
    if (!reply?.value) return undefined;
    const cas = casIn(reply.line) ?? '0';
    if (cas !== '0') return { bytes: reply.value, cas };
    // Pages could be stored, but not be purged: no purge could be written down.
    await this.#connection.close(NO_CAS);
    throw new MemcachedError(this.server, 'get', NO_CAS);
  }

  /** With `u`, as in `flagsOf`: the item does not count as read. */
  async casOf(key: string): Promise<string | undefined> {
    const [reply] = await this.#each('get', [key], () => `mg ${key} c u\r\n`, ['HD', 'EN']);
    return reply && casIn(reply.line);
  }

  async compareAndSet(
    key: string,
    value: StoredValue,
    ttl: number,
    cas: string | undefined,
  ): Promise<string | undefined> {
    const condition = cas === undefined ? ' ME' : ` C${cas}`;
    const reply = await this.#store(key, value, ttl, `${condition} c`, ['HD', 'NS', 'EX', 'NF']);
    return reply.code === 'HD' ? casIn(reply.line) : undefined;
  }

  /** Marks the item, because only that can change a ttl on condition. Only meta commands see the mark. */
  async compareAndTouch(key: string, ttl: number, cas: string): Promise<ChangeResult> {
    return this.#change('touch', key, `C${cas} I T${memcachedExpiry(ttl)}`);
  }

  async compareAndDelete(key: string, cas: string): Promise<ChangeResult> {
    return this.#change('delete', key, `C${cas}`);
  }

  async flagsOf(keys: readonly string[]): Promise<(number | undefined)[]> {
    const replies = await this.#each('get', keys, (key) => `mg ${key} f u\r\n`, ['HD', 'EN']);
    return replies.map(({ line }) => flagsIn(line));
  }

  async describe(keys: readonly string[]): Promise<(ItemDetails | undefined)[]> {
    const replies = await this.#each('get', keys, (key) => `mg ${key} f s t h l u\r\n`, ['HD', 'EN']);
    return replies.map(({ line }) => itemDetails(line));
  }

  async getMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const replies = await this.#each('get', keys, (key) => `mg ${key} v\r\n`, ['VA', 'EN']);
    return replies.map(({ value }) => value);
  }

  /** The server makes one list at a time. All who ask meanwhile share the next one. */
  async *keys(prefix: string): AsyncGenerator<string, void, undefined> {
    for (const { key } of await this.items(prefix)) yield key;
  }

  async items(prefix: string): Promise<readonly DumpedItem[]> {
    return this.#lists.take(prefix, async () => {
      const items: DumpedItem[] = [];
      const how = { timeout: this.#listTimeout, signal: this.#listing.signal, ...this.#access };
      try {
        for await (const item of metadump(this.server, prefix, how)) items.push(item);
      } catch (error) {
        if ((error as MemcachedError).reason !== STOPPED || !(await this.#isProxy())) throw error;
        // The journal and a page may be on different servers behind the proxy.
        await this.#connection.close(PROXY);
        throw new MemcachedError(this.server, 'list', PROXY);
      }
      return items;
    });
  }

  /** memcached's own proxy passes meta commands on, but closes the connection that asks for a list. */
  async #isProxy(): Promise<boolean> {
    const stats = await memcachedStats(this.server, this.#access).catch(() => undefined);
    return stats?.get('proxy_enabled') === 'yes';
  }

  async close(): Promise<void> {
    this.#listing.abort(new Error('the client is closed'));
    await this.#connection.close();
  }

  async #store(
    key: string,
    { bytes, flags }: StoredValue,
    ttl: number,
    more: string,
    accepts: readonly string[],
  ): Promise<MemcachedReply> {
    this.#check('set', key);
    const [reply] = await this.#connection.request({
      operation: 'set',
      bytes: [`ms ${key} ${bytes.length} T${memcachedExpiry(ttl)} F${flags >>> 0}${more}\r\n`, bytes, '\r\n'],
      replies: 1,
      accepts,
      timeout: this.#writeTimeout,
    });
    return reply!;
  }

  async #change(operation: string, key: string, how: string): Promise<ChangeResult> {
    const [reply] = await this.#each(operation, [key], () => `md ${key} ${how}\r\n`, Object.keys(CHANGES));
    return CHANGES[reply!.code as keyof typeof CHANGES];
  }

  /** Sends one command for each key, many of them together. */
  async #each(
    operation: string,
    keys: readonly string[],
    command: (key: string) => string,
    accepts: readonly string[],
  ): Promise<MemcachedReply[]> {
    for (const key of keys) this.#check(operation, key);
    const replies: MemcachedReply[] = [];
    for (let at = 0; at < keys.length; at += CHUNK) {
      const chunk = keys.slice(at, at + CHUNK);
      const bytes = [chunk.map(command).join('')];
      const request = { operation, bytes, replies: chunk.length, accepts, timeout: this.#writeTimeout };
      replies.push(...(await this.#connection.request(request)));
    }
    return replies;
  }

  /** Refuses an invalid key: memcached would refuse it too, but then read the value behind it as commands. */
  #check(operation: string, key: string): void {
    if (KEY.test(key)) return;
    throw new MemcachedError(
      this.server,
      operation,
      `a key must be 1 to ${MEMCACHED_KEY_MAX_LENGTH} bytes above 0x20, got ${JSON.stringify(key.slice(0, 300))}`,
    );
  }
}

function casIn(line: string): string | undefined {
  return / c(\d+)/.exec(line)?.[1];
}

function flagsIn(line: string): number | undefined {
  const flags = / f(\d+)/.exec(line)?.[1];
  return flags === undefined ? undefined : Number(flags);
}
