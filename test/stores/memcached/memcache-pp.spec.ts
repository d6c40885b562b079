import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { fc } from '../../support/random.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { slices } from '../../../lib/async/chunks.js';
import { memcachePp } from '../../../lib/stores/memcached/memcache-pp.js';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { freePort, MemcachedServer } from '../../../lib/testing/index.js';
import { putPage } from '../../support/put-page.js';
import { context, page } from '../pages.js';

const MemcachePp = createRequire(import.meta.url)('memcache-pp');

describe.each([{ unix: false }, { unix: true }])('memcachePp (unix socket: $unix)', ({ unix }) => {
  let server: MemcachedServer;
  let store: PageStore;

  beforeEach(async () => {
    server = await MemcachedServer.start({ unix });
    store = memcachedStore({ client: memcachePp({ hosts: server.address }) }).open(context);
  });
  afterEach(async () => {
    await store.keyv.disconnect();
    await server.stop();
  });

  it('stores UTF-8 pages exactly', async () => {
    const line = fc.constantFrom('END', 'VALUE x 0 5', 'STORED', '', 'é€😀', '\ufeff', '\0', '%s %d');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(line).map((lines) => lines.join('\r\n')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        await putPage(store, 'page:/\xc3\xa9 ?', page(body), 100_000);
        const bytes = Buffer.from(body).toString('latin1');
        expect(await server.send('mg page:/\xc3\xa9%20? v f')).toBe(`VA ${bytes.length} f0\r\n${bytes}\r\n`);
      }),
      { numRuns: 100 },
    );
    expect(await server.send('mg page:/\xc3\xa9%20? t')).toMatch(/ t(100|9\d|8[89])\b/);
  });

  it('deletes and says how many there were', async () => {
    const keys = Array.from({ length: 1200 }, (_, i) => `page:/${i}`);
    // Not all at once: on a busy machine, the last ones would miss their deadline.
    for (const some of slices(keys, 50)) await Promise.all(some.map((key) => putPage(store, key, page())));
    expect(await store.deletePages([...keys, 'page:none'])).toBe(1200);
    expect(await server.keys()).toEqual([]);
  });

  it('always misses, lists nothing, clears nothing', async () => {
    await putPage(store, 'page:/', page('first\r\nEND\r\n'));
    expect(await store.keyv.get('page:/')).toBeUndefined();
    expect(store.keys).toBeUndefined();
    await expect(store.keyv.clear()).rejects.toThrow(/cannot list its pages/);
    expect(await server.keys()).toEqual(['page:/']);
  });

  it('refuses what memcache-pp would change', async () => {
    await expect(putPage(store, 'page:/', page(Buffer.from([0xff])))).rejects.toThrow(/UTF-8 text only/);
    await expect(putPage(store, 'page:/', { ...page(), contentEncoding: 'gzip' })).rejects.toThrow(/no compressed/);
    await expect(putPage(store, 'page:/\xff', page())).rejects.toThrow(/keys of UTF-8 text below 250 bytes/);
    await expect(putPage(store, `page:${'k'.repeat(245)}`, page())).rejects.toThrow(/below 250 bytes/);
    await expect(putPage(store, 'page:/', page('x'.repeat(2_000_000)))).rejects.toThrow(/too large/);
    await expect(putPage(store, 'page:/', page('x'.repeat(1_048_570)))).rejects.toThrow(/too large/);
    expect(await server.keys()).toEqual([]);
  });

  it('rejects while the server is silent or gone, and works again after', async () => {
    await putPage(store, 'page:/', page());
    server.pause();
    await expect.poll(() => outcome(store)).toMatch(/set failed/);
    server.resume();
    await untilBack(store);
    await server.kill();
    await expect(store.deletePages(['page:/'])).rejects.toThrow(/delete failed/);
    await expect(putPage(store, 'page:/', page())).rejects.toThrow(/set failed/);
    await server.restart();
    await untilBack(store);
    expect(await store.deletePages(['page:/'])).toBe(1);
  });
});

describe('memcachePp', () => {
  it('is closed with the store, an instance that was given too', async () => {
    const server = await MemcachedServer.start();
    const client = new MemcachePp({ hosts: [server.address], onNetError: () => {} });
    const definition = memcachedStore({ client: memcachePp(client) });
    expect(definition.servers).toEqual([{ address: server.address, weight: 1 }]);
    const store = definition.open(context);
    await putPage(store, 'page:/', page());
    expect(await server.keys()).toEqual(['page:/']);
    await store.keyv.disconnect();
    await store.keyv.disconnect();
    await expect(putPage(store, 'page:/', page())).rejects.toThrow(/the client is closed/);
    const connections = async () => Number(/curr_connections (\d+)/.exec(await server.send('stats'))?.[1]);
    // The one that asks, and the one that memcached listens on.
    await expect.poll(connections).toBeLessThanOrEqual(2);
    await server.stop();
  });

  it('rejects when there is no server', async () => {
    const store = memcachedStore({ client: memcachePp(`127.0.0.1:${await freePort()}`) }).open(context);
    await expect(putPage(store, 'page:/', page())).rejects.toThrow(/set failed: no answer within 1000 ms/);
    await expect(store.deletePages(['page:/'])).rejects.toThrow(/delete failed/);
    await store.keyv.disconnect();
  });

  it('survives a server that answers rubbish', async () => {
    const sockets = new Set<Socket>();
    const rubbish = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      socket.on('data', () => socket.write('NOT_FOUND\r\nSTORED\r\nEND\r\nVALUE\r\nHTTP/1.1 400\r\nOK\r\nOK\r\n'));
    }).listen(0, '127.0.0.1');
    await once(rubbish, 'listening');
    const { port } = rubbish.address() as AddressInfo;
    const store = memcachedStore({ client: memcachePp(`127.0.0.1:${port}`) }).open(context);
    for (let i = 0; i < 3; i++) await expect(putPage(store, 'page:/', page())).rejects.toThrow(/set failed/);
    await store.keyv.disconnect();
    for (const socket of sockets) socket.destroy();
    rubbish.close();
  });

  it('says what it cannot do', () => {
    const { limits } = memcachedStore({ client: memcachePp('127.0.0.1:11211') });
    expect(limits!(context)).toEqual([]);
    expect(limits!({ ...context, compress: true })).toEqual([expect.stringMatching(/set compress to false/)]);
    expect(limits!({ ...context, mustList: true })).toEqual([expect.stringMatching(/cannot list/)]);
  });

  it('tells nginx where the pages are', () => {
    expect(memcachePp('localhost').servers).toEqual([{ address: 'localhost:11211', weight: 1 }]);
    expect(memcachePp({ hosts: ['/run/mc.sock:0'] }).servers).toEqual([{ address: 'unix:/run/mc.sock', weight: 1 }]);
    expect(() => memcachePp('[::1]:11211')).toThrow(/IPv6/);
    expect(() => memcachePp({} as never)).toThrow(/^memcachePp\.hosts: undefined .* it must be an address/);
    expect(() => memcachePp({ hosts: ['a:1', 'b:1'] })).toThrow(/must be one server/);
  });
});

async function untilBack(store: PageStore): Promise<void> {
  await expect.poll(() => outcome(store)).toBe('stored');
}

function outcome(store: PageStore): Promise<string> {
  return putPage(store, 'page:/', page()).then(
    () => 'stored',
    (error: Error) => error.message,
  );
}
