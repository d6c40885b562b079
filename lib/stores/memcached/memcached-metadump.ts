import { addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { percentDecoded } from '../../http/percent-decoding.js';
import { authentication, type MemcachedAccess, openSocket } from './memcached-access.js';
import { MemcachedError } from './memcached-error.js';

/** How long to wait before asking again, in milliseconds: memcached does one crawl at a time. */
const BUSY_WAIT = 25;

/** The answer of a server that cannot crawl just now, because another crawl is running or the hash table is growing (crawler.c). */
const BUSY = /^BUSY\b|^ERROR locked\b/;

const STATS = 'stats\r\n';

const LIST = 'lru_crawler metadump hash\r\n';

/**
 * How long to wait for the hash table to begin to grow, in milliseconds. memcached looks once a second. A table for which there is no memory never
 * grows.
 */
const GROWTH_PATIENCE = 3000;

/** The reason when a listing failed because the server closed the connection. */
export const STOPPED = 'the server stopped in the middle';

class CrawlerBusy extends MemcachedError {}

/** What the server tells about an item, without its value. */
export interface DumpedItem {
  readonly key: string;
  /** When the item expires: Unix time in milliseconds by the clock of the server; `undefined` when it never does. */
  readonly expires: number | undefined;
  /** Whether anybody has fetched it since it was stored. */
  readonly isRead: boolean;
}

/** How a listing is made. */
export interface MetadumpOptions extends MemcachedAccess {
  /** Milliseconds to wait for another crawl to end, and for each piece of the answer. */
  readonly timeout: number;
  /** Ends the listing with an error, whose message is that of the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Lists the items of a server by `lru_crawler metadump hash` (memcached doc/protocol.txt, "LRU_Crawler"), on a connection of its own, since the
 * output follows no pipeline.
 *
 * It uses `hash` and not `all`: a walk over the LRU misses items that are moved meanwhile, which are the busiest pages. The server leaves out
 * expired items, by its own clock.
 *
 * No listing begins while the hash table is about to grow. To replace the table, memcached takes the lock of the crawler and stops its threads
 * (`pause_threads`, thread.c). A thread that starts a listing at that moment waits for the lock (`lru_crawler_start`, crawler.c), so it never stops,
 * and the server answers nobody until it is restarted.
 *
 * @param prefix the beginning of the keys, as the server has them
 * @throws MemcachedError when the server is down, has its crawler off, or stops in the middle
 */
export async function* metadump(
  server: string,
  prefix: string,
  how: MetadumpOptions,
): AsyncGenerator<DumpedItem, void, undefined> {
  const start = Date.now();
  for (;;) {
    const mindsGrowth = Date.now() < start + GROWTH_PATIENCE;
    try {
      return yield* dump(server, prefix, mindsGrowth, how);
    } catch (error) {
      if (!(error instanceof CrawlerBusy) || Date.now() > start + how.timeout) throw error;
    }
    await delay(BUSY_WAIT, undefined, { ref: false });
  }
}

async function* dump(
  server: string,
  prefix: string,
  mindsGrowth: boolean,
  how: MetadumpOptions,
): AsyncGenerator<DumpedItem, void, undefined> {
  const { timeout, signal } = how;
  if (signal.aborted) throw new MemcachedError(server, 'list', reasonOf(signal));
  const begin = `key=${uriEncoded(prefix)}`;
  let found: DumpedItem[] = [];
  let rest = '';
  let complete = false;
  let failure: MemcachedError | undefined;
  let wake = () => {};

  const socket = addAbortSignal(signal, openSocket(server, how));
  socket.setEncoding('latin1');
  socket.setTimeout(timeout, () => socket.destroy(new Error(`no answer within ${timeout} ms`)));
  // One after the other: memcached refuses a listing that comes together with another command.
  const commands = [authentication(how) ?? [], mindsGrowth ? STATS : [], LIST].flat();
  const stats = new Map<string, number>();
  const ask = () => socket.write(commands.shift()!, 'latin1');
  ask();
  // Read as fast as data comes, however slow the consumer is. While memcached 1.6.18 waits for room in the socket, it holds the lock of a hash
  // bucket (item_crawl_hash, crawler.c), and every request for a key in that bucket waits too.
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('key=')) {
        if (line.startsWith(begin)) found.push(itemOf(line));
      } else if (line.startsWith('STAT ')) {
        const [, name, value] = line.split(' ') as [string, string, string];
        stats.set(name, Number(value));
      } else if (isGrowthDue(stats)) {
        failure ??= new CrawlerBusy(server, 'list', 'the server is about to enlarge its hash table');
        socket.destroy();
      } else if (commands.length > 0 && /^(STORED|END)\r$/.test(line)) {
        ask();
      } else if (/^(END|NOTSTARTED\b.*)\r$/.test(line)) {
        complete = true;
        socket.destroy();
      } else if (line !== 'OK\r') {
        failure ??= refusal(server, line.trimEnd());
        socket.destroy();
      }
    }
    wake();
  });
  socket.on('error', (error) => {
    const reason = signal.aborted ? reasonOf(signal) : error.message || String((error as NodeJS.ErrnoException).code);
    failure ??= new MemcachedError(server, 'list', reason, { cause: error });
  });
  socket.on('close', () => {
    if (!complete) failure ??= new MemcachedError(server, 'list', STOPPED);
    wake();
  });

  try {
    for (;;) {
      const items = found;
      found = [];
      yield* items;
      if (found.length > 0) continue;
      if (failure) throw failure;
      if (complete) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    socket.destroy();
  }
}

/** Whether memcached is enlarging its hash table, or will begin to at the next tick of its clock (`assoc_start_expand`, assoc.c). */
function isGrowthDue(stats: ReadonlyMap<string, number>): boolean {
  return stats.get('hash_is_expanding') === 1 || stats.get('curr_items')! > 1.5 * 2 ** stats.get('hash_power_level')!;
}

function reasonOf({ reason }: AbortSignal): string {
  return (reason as Error).message;
}

function itemOf(line: string): DumpedItem {
  const seconds = Number(/ exp=(-?\d+)/.exec(line)?.[1] ?? -1);
  return {
    // Slashes are most of what is encoded, and this needs no callback for each.
    key: percentDecoded(line.slice(4, line.indexOf(' ')).replaceAll('%2F', '/')),
    expires: seconds < 0 ? undefined : seconds * 1000,
    isRead: line.includes(' fetch=yes'),
  };
}

function refusal(server: string, line: string): MemcachedError {
  if (BUSY.test(line)) return new CrawlerBusy(server, 'list', 'the server is busy with another listing');
  return new MemcachedError(
    server,
    'list',
    /crawler disabled|not allowed/.test(line)
      ? `the server lists no keys (${line}); start it without -X and without -o no_lru_crawler`
      : `the server answered ${JSON.stringify(line.slice(0, 100))}`,
  );
}

/** As memcached writes keys in a dump (`uriencode`, util.c). */
function uriEncoded(key: string): string {
  return key.replace(/[^\w.~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
