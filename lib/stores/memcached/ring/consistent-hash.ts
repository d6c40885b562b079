import { crc32 } from 'node:zlib';
import type { MemcachedServerAddress } from '../memcached-address.js';

/** Points for each unit of weight (ngx_http_upstream_init_chash, src/http/modules/ngx_http_upstream_hash_module.c). */
const POINTS = 160;

/** More servers than a list can have: its weights add up to 1000 at most. */
const SERVERS = 1024;

/**
 * The ring of nginx's `hash $key consistent`: which server of a list a key belongs to.
 *
 * @example
 * const ring = new ConsistentHash([{ address: '127.0.0.1:11211', weight: 2 }, { address: '[::1]:11212', weight: 1 }]);
 * ring.serverOf('page:/posts'); // 0
 * @see https://nginx.org/en/docs/http/ngx_http_upstream_module.html#hash
 */
export class ConsistentHash {
  readonly #points: Uint32Array;
  /** The server of each point, by its place in the list. */
  readonly #servers: Uint16Array;

  constructor(servers: readonly MemcachedServerAddress[]) {
    // Sorted as numbers: first by the point, then by the place in the list, like a stable sort of nginx's points.
    const all = Float64Array.from(
      servers.flatMap(({ address, weight }, index) =>
        Array.from(pointsOf(address, weight), (point) => point * SERVERS + index),
      ),
    ).sort();
    const kept = all.filter((value, at) => at === 0 || pointIn(value) !== pointIn(all[at - 1]!));
    this.#points = Uint32Array.from(kept, pointIn);
    this.#servers = Uint16Array.from(kept, (value) => value % SERVERS);
  }

  /**
   * @param key the key as nginx has it in a variable: not escaped for memcached, one UTF-16 unit per byte (latin1)
   * @returns the place of its server in the list
   */
  serverOf(key: string): number {
    const hash = crc32(Buffer.from(key, 'latin1'));
    let from = 0;
    let to = this.#points.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#points[middle]! < hash) from = middle + 1;
      else to = middle;
    }
    return this.#servers[from === this.#points.length ? 0 : from]!;
  }
}

function pointIn(value: number): number {
  return Math.floor(value / SERVERS);
}

/** Each point is made from the previous one, as Cache::Memcached::Fast does. */
function* pointsOf(address: string, weight: number): Generator<number, void, undefined> {
  const [host, port] = hostAndPort(address);
  const base = crc32(Buffer.from(`${host}\0${port}`));
  const last = Buffer.alloc(4);
  for (let count = weight * POINTS; count > 0; count -= 1) {
    const point = crc32(last, base);
    yield point;
    last.writeUInt32LE(point);
  }
}

function hostAndPort(address: string): readonly [host: string, port: string] {
  if (address.startsWith('unix:')) return [address.slice('unix:'.length), ''];
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), address.slice(colon + 1)];
}
