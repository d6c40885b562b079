import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { memcachedStore, nginxConf } from '../../lib/index.js';
import { NginxServer } from '../../lib/testing/index.js';
import { FakeMemcached, found } from '../support/raw-memcached.js';
import { patient } from '../support/patience.js';

const VISITORS = 100;

/** A memcached that answers nobody before all visitors have asked: so each of them needs a connection. */
class RushedMemcached extends FakeMemcached {
  #waiting: (() => void)[] = [];

  static start(): Promise<RushedMemcached> {
    return new RushedMemcached().listen();
  }

  protected override asked(key: string, socket: Socket): void {
    this.#waiting.push(() => socket.write(found(key, 'page')));
    if (this.#waiting.length < VISITORS) return;
    for (const answer of this.#waiting) answer();
    this.#waiting = [];
  }
}

it('keeps an eighth of the connections that memcached takes open in each worker', async () => {
  await using memcached = await RushedMemcached.start();
  const options = { hosts: 'any' as const, store: memcachedStore({ servers: memcached.address }) };
  await using nginx = await NginxServer.start(({ port, directory }) => {
    const place = { app: '127.0.0.1:1', listen: port, directory, memcachedConnections: 8 * VISITORS };
    const { full } = nginxConf(options, place);
    return { full: patient(full).replace('worker_processes auto', 'worker_processes 1') };
  });
  const rush = () =>
    Promise.all(Array.from({ length: VISITORS }, async () => (await fetch(`${nginx.url}/page`)).text()));
  const pages = Array.from({ length: VISITORS }, () => 'page');
  expect(await rush()).toEqual(pages);
  expect(await rush()).toEqual(pages);
  expect(memcached.connections).toBe(VISITORS);
});

it.each([
  [undefined, 128],
  [8192, 1024],
  [5, 1],
])('with %s connections, keeps %d', (memcachedConnections, kept) => {
  const store = memcachedStore({ servers: '127.0.0.1:11211' });
  const { http } = nginxConf({ store }, { app: '127.0.0.1:3000', memcachedConnections });
  expect(http).toMatch(new RegExp(`upstream \\w+_memcached \\{[^}]*keepalive ${kept};`));
});
