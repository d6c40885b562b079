import { authentication, type MemcachedAccess, openSocket } from './memcached-access.js';
import { MemcachedError } from './memcached-error.js';

/** How long to wait for the answer of a memcached, in milliseconds. */
const PATIENCE = 2000;

const COMMANDS = 'stats\r\nstats settings\r\n';

/**
 * Reads the statistics of a memcached on a connection of its own, because the answer is no reply of the meta protocol.
 *
 * @param server `host:port` or `unix:/path`
 * @returns the values in `stats` and `stats settings`, by name
 * @throws {MemcachedError} when the server does not answer
 * @see https://github.com/memcached/memcached/blob/master/doc/protocol.txt section "Statistics"
 */
export async function memcachedStats(server: string, access: MemcachedAccess): Promise<ReadonlyMap<string, string>> {
  const socket = openSocket(server, access);
  socket.setEncoding('latin1');
  const end = setTimeout(() => socket.destroy(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  try {
    socket.write((authentication(access) ?? '') + COMMANDS, 'latin1');
    let text = '';
    for await (const piece of socket as AsyncIterable<string>) {
      text += piece;
      const refusal = /^(?:CLIENT_|SERVER_)?ERROR.*$/m.exec(text)?.[0];
      if (refusal !== undefined) throw new Error(`the server answered ${refusal.trimEnd()}`);
      if (text.split('\r\n').filter((line) => line === 'END').length === 2) return statsIn(text);
    }
    throw new Error('the server closed the connection');
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new MemcachedError(server, 'stats', message || String(code), { cause: error });
  } finally {
    clearTimeout(end);
    socket.destroy();
  }
}

function statsIn(text: string): ReadonlyMap<string, string> {
  const stats = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^STAT (\S+) (.*)\r$/gm)) {
    // `evictions` is a number among the statistics, which come first, and "on" among the settings.
    if (!stats.has(name)) stats.set(name, value);
  }
  return stats;
}
