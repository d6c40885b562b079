import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { memcachedCommand } from '../../lib/testing/memcached-command.js';
import { collect } from '../stores/pages.js';

const ITEMS =
  'key=page%3A%2F exp=-1 la=1 cas=1 fetch=no cls=1 size=60\nkey=page%3A%2Fb exp=-1 la=1 cas=2 fetch=no cls=1 size=60\n';

/** What servers of different versions answer to `lru_crawler metadump hash`, in the pieces in which it comes. */
const DUMPS = {
  'memcached before 1.6.43': [ITEMS, 'END\r\n'],
  'memcached 1.6.43 and later': ['OK\r\n', ITEMS, 'END\r\n'],
  'memcached 1.6.43 and later, in odd pieces': ['O', 'K\r', '\nkey', ITEMS.slice(3), 'EN', 'D\r\n'],
};

async function send(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
}

/** @returns the address of a server that has no statistics, and answers everything else with these pieces */
async function serve(pieces: readonly string[]) {
  const server = createServer((socket) => {
    socket.setNoDelay().on('error', () => {});
    socket.on('data', (command) => void send(socket, String(command) === 'stats\r\n' ? ['END\r\n'] : pieces));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

it.each(Object.entries(DUMPS))('reads the whole listing of %s', async (_, pieces) => {
  const server = await serve(pieces);
  expect(await memcachedCommand(server.address, 'lru_crawler metadump hash')).toBe(pieces.join(''));
  const client = new MemcachedClient(server.address);
  expect(await collect(client.keys('page:'))).toEqual(['page:/', 'page:/b']);
  await client.close();
  server.close();
});

it('takes OK for a whole answer to other commands', async () => {
  const server = await serve(['OK\r\n']);
  expect(await memcachedCommand(server.address, 'lru_crawler enable')).toBe('OK\r\n');
  expect(await memcachedCommand(server.address, 'flush_all')).toBe('OK\r\n');
  server.close();
});
