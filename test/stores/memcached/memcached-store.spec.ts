import { gzipSync } from 'node:zlib';
import { createCache } from 'cache-manager';
import { fc } from '../../support/random.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NginxCacheConfigError } from '../../../lib/checks/nginx-cache-config.error.js';
import { GZIP_FLAG } from '../../../lib/page/page-format.js';
import type { MemcachedClientDefinition } from '../../../lib/stores/memcached/memcached-client.interface.js';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { memcachedStore } from '../../../lib/stores/memcached/memcached-store.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { freePort, MemcachedServer } from '../../../lib/testing/index.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';

/** The built-in client, for what is not about deadlines: a busy machine must not fail it. */
function patient(address: string): MemcachedClientDefinition {
  const open = () => new MemcachedClient(address, { getTimeout: 10_000, writeTimeout: 10_000 });
  return { servers: [{ address, weight: 1 }], open };
}

describe('memcachedStore', () => {
  let server: MemcachedServer;
  let store: PageStore;

  beforeEach(async () => {
    server = await MemcachedServer.start();
    store = memcachedStore({ client: patient(server.address) }).open(context);
  });
  afterEach(async () => {
    await store.keyv.disconnect();
    await server.stop();
  });

  it('keeps through cache-manager what nginx reads: the raw body under the escaped key', async () => {
    const cache = createCache({ stores: [store.keyv] });
    const key = 'page:/a b/%C3%A9/\xc3\xa9?x=1:2';
    await putPage(store, key, page('<p>\r\nEND\r\n'), 100_000);
    expect(await server.send('get page:/a%20b/%25C3%25A9/\xc3\xa9?x=1:2')).toBe(
      'VALUE page:/a%20b/%25C3%25A9/\xc3\xa9?x=1:2 0 10\r\n<p>\r\nEND\r\n\r\nEND\r\n',
    );
    expect(store.serverKey!(key)).toBe('page:/a%20b/%25C3%25A9/\xc3\xa9?x=1:2');
    expect(await server.send(`mg ${store.serverKey!(key)} t`)).toMatch(/ t(100|9\d|8[89])\b/);
    expect(await cache.get(key)).toEqual(page('<p>\r\nEND\r\n'));

    await putPage(store, key, page(), 0);
    expect(await server.send(`mg ${store.serverKey!(key)} t`)).toMatch(/ t-1\b/);
    expect(await cache.del(key)).toBe(true);
    expect(await cache.get(key)).toBeUndefined();
    expect(await server.keys()).toEqual([]);
  });

  it('says whether there is a page without reading it', async () => {
    await putPage(store, 'page:/', page('x'.repeat(500_000)));
    const sent = async () => Number(/bytes_written (\d+)/.exec(await server.send('stats'))?.[1]);
    const before = await sent();
    expect(await store.has!('page:/')).toBe(true);
    expect(await sent()).toBeLessThan(before + 100_000);
    expect(await store.has!('page:/none')).toBe(false);
    expect(await store.has!(`page:/${'x'.repeat(300)}`)).toBe(false);
  });

  it('marks gzip data with flag 1', async () => {
    const gzipped = { ...page(gzipSync('hello')), contentEncoding: 'gzip' as const };
    await putPage(store, 'page:/', gzipped);
    expect(await server.send('mg page:/ f')).toMatch(new RegExp(`^HD f${GZIP_FLAG}\\b`));
    expect(await store.keyv.get('page:/')).toEqual(gzipped);
  });

  it('finds, lists and deletes pages under any key', async () => {
    const anyKey = fc
      .uint8Array({ minLength: 1, maxLength: 60 })
      .map((bytes) => `page:${Buffer.from(bytes).toString('latin1')}`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyKey, { minLength: 1, maxLength: 20 }), async (keys) => {
        await Promise.all(keys.map((key) => putPage(store, key, page(key))));
        for (const key of keys) {
          expect(await store.keyv.get(key)).toEqual(page(key));
          expect(await collect(store.keys!(key))).toContain(key);
        }
        expect((await collect(store.keys!('page:'))).sort()).toEqual([...keys].sort());
        expect(await store.deletePages([...keys, 'page:none'])).toBe(keys.length);
      }),
      { numRuns: 50 },
    );
  });

  it('neither finds nor keeps a page under a key over 250 bytes', async () => {
    const key = `page:/${' '.repeat(82)}`;
    expect(await store.keyv.get(key)).toBeUndefined();
    expect(await store.deletePages([key])).toBe(0);
    await expect(putPage(store, key, page())).rejects.toThrow(/a key must be 1 to 250 bytes/);
  });

  it('clears its prefix and nothing else', async () => {
    await Promise.all(Array.from({ length: 12_000 }, (_, i) => server.send(`ms page:/${i} 1\r\nx`)));
    await putPage(store, 'shop:/', page());
    await createCache({ stores: [store.keyv] }).clear();
    expect(await server.keys()).toEqual(['shop:/']);
  });

  it('hands errors on, through cache-manager and through Keyv', async () => {
    const cache = createCache({ stores: [store.keyv] });
    const getErrors: unknown[] = [];
    cache.on('get', ({ error }) => getErrors.push(error));
    await expect(cache.set('page:/', page())).rejects.toThrow(/written by begin\(\) and commit\(\) alone/);
    await expect(putPage(store, 'page:/', page(Buffer.alloc(2_000_000)))).rejects.toThrow(/object too large/);
    const write = await beginPage(store, 'page:/');
    await server.kill();
    expect(await write.commit(page(), 0)).toEqual({ stored: false, reason: 'purges-unknown' });
    await expect(beginPage(store, 'page:/')).rejects.toThrow(/get failed/);
    await expect(store.journal.append({ kind: 'all' })).rejects.toThrow(/failed/);
    await expect(cache.del('page:/')).rejects.toThrow(/delete failed/);
    await expect(cache.mdel(['page:/'])).rejects.toThrow(/delete failed/);
    await expect(cache.clear()).rejects.toThrow(/list failed/);
    await expect(store.deletePages(['page:/'])).rejects.toThrow(/delete failed/);
    await expect(store.keyv.get('page:/')).rejects.toThrow(/get failed/);
    await expect(store.keyv.getMany(['page:/'])).rejects.toThrow(/get failed/);
    await expect(collect(store.keys!('page:'))).rejects.toThrow(/list failed/);
    // cache-manager takes an error of a store for a miss, and tells in its event.
    expect(await cache.get('page:/')).toBeUndefined();
    expect(getErrors).toEqual([expect.objectContaining({ name: 'MemcachedError' })]);
  });

  it('takes what is not of its format for a miss', async () => {
    const strict = memcachedStore({ client: patient(server.address) }).open({
      ...context,
      format: { ...context.format, decode: () => undefined },
    });
    await putPage(strict, 'page:/', page());
    expect(await strict.keyv.get('page:/')).toBeUndefined();
    await strict.keyv.disconnect();
  });

  it('opens the built-in client', async () => {
    const plain = memcachedStore({ servers: server.address }).open(context);
    await putPage(plain, 'page:/', page());
    expect(await server.keys()).toEqual(['page:/']);
    await plain.keyv.disconnect();
  });

  it('opens without waiting when the server is down', async () => {
    const down = memcachedStore({ servers: `127.0.0.1:${await freePort()}` }).open(context);
    await expect(down.keyv.get('page:/')).rejects.toThrow(/ECONNREFUSED/);
    await down.keyv.disconnect();
  });
});

describe('memcachedStore({ servers })', () => {
  it.each([
    ['127.0.0.1:11211', '127.0.0.1:11211'],
    [['[::1]:11211'], '[::1]:11211'],
    ['unix:/run/memcached.sock', 'unix:/run/memcached.sock'],
    [[{ address: 'my_cache.internal:1' }], 'my_cache.internal:1'],
  ])('takes %j', (servers, address) => {
    expect(memcachedStore({ servers })).toMatchObject({ kind: 'memcached', servers: [{ address, weight: 1 }] });
  });

  it('keeps the weight', () => {
    const servers = [{ address: 'a:1', weight: 3 }];
    expect(memcachedStore({ servers }).servers).toEqual(servers);
  });

  it.each([
    '',
    'localhost',
    'localhost:0',
    'localhost:65536',
    'memcached://localhost:11211',
    ':11211',
    '::1:11211',
    '[::g]:11211',
    '[]:11211',
    'unix:run/memcached.sock',
    'unix:/run/a b.sock',
    'unix:/run/a.sock; return 200',
    'unix:/run/$host',
    'unix:/run/a\0b.sock',
    `unix:/${'x'.repeat(107)}`,
    'host:1\n',
    [],
    [42],
    [null],
    null,
    undefined,
    [{ address: 'a:1', weight: 0 }],
    [{ address: 'a:1', weight: 1.5 }],
    [{}],
    ['a:1', { address: 'a:1', weight: 2 }],
    [
      { address: 'a:1', weight: 999 },
      { address: 'b:1', weight: 2 },
    ],
  ])('refuses %j', (servers) => {
    expect(() => memcachedStore({ servers: servers as string })).toThrow(NginxCacheConfigError);
  });

  it('says what was given and what is allowed', () => {
    expect(() => memcachedStore({ servers: 'localhost' })).toThrow(
      `memcachedStore.servers: 'localhost' is not possible; it must be an address: 'host:port', '[IPv6 address]:port' or 'unix:/absolute/path'`,
    );
    expect(() => memcachedStore({ servers: ['a:1', 'b:1', 'a:1'] })).toThrow(
      "memcachedStore.servers: 'a:1' is not possible; it must be listed once: give it more weight instead",
    );
  });
});
