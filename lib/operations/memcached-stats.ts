import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

/** A memcached that has not answered by then does not, in milliseconds. */
const PATIENCE = 2000;

/** What `stats` and `stats settings` say, by name. */
export type MemcachedStats = ReadonlyMap<string, string>;

/**
 * Asks a memcached how it is.
 *
 * @param address `host:port` or `unix:/path`
 * @throws when it does not answer
 * @see https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
export async function memcachedStats(address: string): Promise<MemcachedStats> {
  const socket = connected(address);
  const end = setTimeout(() => socket.destroy(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  try {
    await once(socket, 'connect');
    socket.write('stats\r\nstats settings\r\n');
    return await read(socket);
  } finally {
    clearTimeout(end);
    socket.destroy();
  }
}

function connected(address: string): Socket {
  if (address.startsWith('unix:')) return createConnection(address.slice('unix:'.length));
  const colon = address.lastIndexOf(':');
  return createConnection(Number(address.slice(colon + 1)), address.slice(0, colon).replace(/^\[|\]$/g, ''));
}

async function read(socket: Socket): Promise<MemcachedStats> {
  const stats = new Map<string, string>();
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.split('\r\n').filter((line) => line === 'END').length === 2) break;
    if (/(?:^|\r\n)(?:CLIENT_|SERVER_)?ERROR/.test(text)) break;
  }
  for (const [, name = '', value = ''] of text.matchAll(/^STAT (\S+) (.*)\r$/gm)) {
    // `evictions` is a number among the statistics, which come first, and "on" among the settings.
    if (!stats.has(name)) stats.set(name, value);
  }
  if (stats.size === 0) throw new Error('no memcached answers there');
  return stats;
}
