import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { MemcachedClient, type MemcachedClientOptions } from '../../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../../lib/testing/index.js';

export const value = { bytes: Buffer.from('x'), flags: 0 };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()!();
});

/** Closed after the test, as the servers are. */
export function clientOf(address: string, options?: MemcachedClientOptions): MemcachedClient {
  const client = new MemcachedClient(address, options);
  cleanups.push(() => client.close());
  return client;
}

export async function realServer(): Promise<MemcachedServer> {
  const server = await MemcachedServer.start();
  cleanups.push(() => server.stop());
  return server;
}

/** A server that is no memcached. */
export async function answering(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function untilBack(client: MemcachedClient): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      return await client.set('back', value, 0);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(10);
    }
  }
}
