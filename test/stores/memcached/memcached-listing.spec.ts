import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { collect } from '../pages.js';

const COUNT = 100_000;
const value = { bytes: Buffer.from('x'), flags: 0 };

describe('the keys of a memcached server', () => {
  let server: MemcachedServer;
  let client: MemcachedClient;

  beforeAll(async () => {
    server = await MemcachedServer.start({ args: ['-m', '256'] });
    client = new MemcachedClient(server.address, { writeTimeout: 20_000, getTimeout: 20_000 });
    for (let i = 0; i < COUNT; i += 10_000) {
      await Promise.all(Array.from({ length: 10_000 }, (_, j) => client.set(`page:/posts/${i + j}`, value, 0)));
    }
    await client.set('other:/posts/1', value, 0);
    await client.set('page:/caf\xc3\xa9/\xff%25%20', value, 0);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  it('are all there, each once, and no other site’s', async () => {
    const keys = await collect(client.keys('page:/posts/'));
    expect(new Set(keys).size).toBe(COUNT);
    expect(keys.length).toBe(COUNT);
    expect(await collect(client.keys('page:/caf'))).toEqual(['page:/caf\xc3\xa9/\xff%25%20']);
    expect(await collect(client.keys('none:'))).toEqual([]);
    expect((await collect(client.keys(''))).length).toBe(COUNT + 2);
  });

  it('can be left early, without a socket staying', async () => {
    const connections = async () => Number(/curr_connections (\d+)/.exec(await server.send('stats'))?.[1]);
    const before = await connections();
    for await (const key of client.keys('page:')) {
      expect(key).toMatch(/^page:/);
      break;
    }
    await expect.poll(connections).toBeLessThanOrEqual(before);
  });

  it('wait for other listings to end', async () => {
    const lists = await Promise.all(Array.from({ length: 5 }, () => collect(client.keys('page:/posts/'))));
    expect(lists.map(({ length }) => length)).toEqual(Array(5).fill(COUNT));
  });

  it('say so when another listing does not end', async () => {
    const busy = createServer((socket) => {
      socket.on('data', () => socket.write('BUSY currently processing crawler request\r\n')).on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const impatient = new MemcachedClient(`127.0.0.1:${port}`, { listTimeout: 200 });
    await expect(impatient.keys('').next()).rejects.toThrow(/list failed: the server is busy with another listing/);
    await impatient.close();
    busy.close();
  });

  it('do not make the server wait for a slow reader', async () => {
    const keys = client.keys('page:/posts/')[Symbol.asyncIterator]();
    await keys.next();
    const quick = new MemcachedClient(server.address, { getTimeout: 5000 });
    const sample = Array.from({ length: 2000 }, (_, i) => `page:/posts/${i * 50}`);
    expect((await Promise.all(sample.map((key) => quick.get(key)))).every(Boolean)).toBe(true);
    await quick.close();
    await keys.return!();
  });

  it('are listed after the hash table has grown, not while memcached stops its threads for that', async () => {
    const small = await MemcachedServer.start({ args: ['-o', 'hashpower=13'] });
    const filler = new MemcachedClient(small.address, { writeTimeout: 20_000 });
    const power = async () => Number(/hash_power_level (\d+)/.exec(await small.send('stats'))?.[1]);
    for (const expected of [14, 15, 16]) {
      // It grows at the next tick of the clock.
      const count = 1.5 * 2 ** (expected - 1) + 1;
      await Promise.all(Array.from({ length: count }, (_, i) => filler.set(`page:/${i}`, value, 0)));
      expect((await collect(filler.keys(''))).length).toBe(count);
      expect(await power()).toBe(expected);
    }
    await filler.close();
    await small.stop();
  });

  it('are refused clearly when the crawler is off', async () => {
    for (const args of [['-o', 'no_lru_crawler'], ['-X']]) {
      const off = await MemcachedServer.start({ args });
      const offClient = new MemcachedClient(off.address);
      await expect(offClient.keys('').next()).rejects.toThrow(/the server lists no keys \(.*start it without -X and/);
      await offClient.close();
      await off.stop();
    }
  });

  it('leave expired items out', async () => {
    await client.set('short:1', value, 1000);
    await client.set('short:2', value, 0);
    await expect.poll(() => collect(client.keys('short:'))).toEqual(['short:2']);
  });

  it('end with an error when the server dies in the middle', async () => {
    const dying = createServer((socket) => {
      socket
        .on('data', () => socket.end('key=a exp=-1 la=1 cas=1 fetch=no cls=1 size=60\nkey=b ex'))
        .on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(dying, 'listening');
    const { port } = dying.address() as AddressInfo;
    const hopeful = new MemcachedClient(`127.0.0.1:${port}`);
    await expect(hopeful.keys('').next()).rejects.toThrow(/list failed: the server stopped in the middle/);
    await hopeful.close();
    dying.close();
  });
});
