import { gunzipSync } from 'node:zlib';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { memcachedKey } from '../../lib/page/memcached-key.js';
import { PageKeys } from '../../lib/page/page-key.js';
import { ContentTypes } from '../../lib/page/content-types.js';
import { MemcachedServer, NginxServer, RawClient } from '../../lib/testing/index.js';
import { field, RawPool } from '../page/raw-pool.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';
import { patient, patiently } from '../support/patience.js';
import { fc, SEED } from '../support/random.js';
import { answer } from '../support/site.js';

const RSS = 'application/rss+xml; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const TYPES: NonNullable<NginxCacheOptions['nginx']> = {
  contentTypes: {
    '/blog/feed.xml': RSS,
    '/k%C3%A4se.xml': RSS,
    '/api/html': 'text/html; charset=utf-8',
    '/api/*': JSON_TYPE,
  },
};
const LONG = 'long enough to be packed '.repeat(100);

@Controller()
class TypedController {
  @Get('blog/feed.xml')
  @Header('content-type', RSS)
  feed() {
    return `<rss>${LONG}</rss>`;
  }

  @Get('blog/other.xml')
  @Header('content-type', RSS)
  other() {
    return '<rss/>';
  }

  @Get('api/:name')
  @Header('content-type', JSON_TYPE)
  api(@Req() { url }: { url: string }) {
    return JSON.stringify({ url });
  }
}

describe.each(FLAVOURS.filter(({ keepsFields }) => !keepsFields))('contentTypes with $name', (under) => {
  it.each([true, false])('gives each path its own (gzip: %s)', async (isPacked) => {
    const options: NginxCacheOptions = { nginx: { flavour: under.flavour, ...TYPES } as never };
    if (!isPacked) options.compress = false;
    await using site = await startFlavour(under, 'express', options, { controllers: [TypedController] });
    for (const [target, type] of [
      ['/blog/feed.xml', RSS],
      ['/api/a', JSON_TYPE],
      ['/com', 'text/html; charset=utf-8'],
    ] as const) {
      const page = target === '/com' ? '/compressible' : target;
      const { first, second, outcome } = await site.twice(page);
      expect(outcome, page).toBe('stored');
      expect([field(second, 'cache-status'), field(second, 'content-type')]).toEqual(['nginx; hit', type]);
      expect(second.body.equals(first.body)).toBe(true);
      // The application serves the same page from the same store.
      const ask = () => answer(`http://${site.host}${page}`);
      const direct = await patiently(ask, ({ status }) => status);
      expect([direct.status, direct.headers.get('content-type')]).toEqual(['nestjs-nginx-cache; hit', type]);
    }
    const packed = await site.get('/blog/feed.xml', { 'Accept-Encoding': 'gzip' });
    expect([field(packed, 'content-type'), field(packed, 'content-encoding')]).toEqual([RSS, 'gzip']);
    expect(gunzipSync(packed.body).toString()).toBe(`<rss>${LONG}</rss>`);
    for (const target of ['/blog/other.xml', '/api/html']) {
      expect((await site.twice(target)).outcome, target).toBe('content-type');
    }
    // Whatever is not a page comes from the application.
    const bypass = await site.get('/api/a', { Cookie: 'sid=1' });
    expect(field(bypass, 'content-type')).toBe(JSON_TYPE);
    expect(field(await site.get('/api/a', {}, 'HEAD'), 'content-type')).toBe(JSON_TYPE);
  });
});

it('nginx and TypeScript mean the same type', async () => {
  const part = fc.constantFrom('/', '*', 'a', 'b', 'ä', '%C3%A4', '.xml', '/*', '%20', '(', '~', '/api', '"', '\\');
  const path = fc.array(part, { maxLength: 4 }).map((parts) => `/${parts.join('')}`);
  const type = fc.constantFrom('text/html; charset=utf-8', 'application/json', RSS, 'text/plain; charset=iso-8859-1');
  const byPath = fc.array(fc.tuple(path, type), { minLength: 1, maxLength: 5 });
  const asSent = (text: string) => new URL(`http://a${text.replace(/\*/g, 'x')}`).pathname;
  const isPage = (text: string) => !/\/\/|[^/]\/$|%(?![0-9A-F]{2})|%5C/.test(text);
  await using memcached = await MemcachedServer.start();
  const hits = { count: 0, typed: 0 };
  for (const types of fc.sample(byPath, 12)) {
    const contentTypes = { ...Object.fromEntries(types), '/a*': RSS, '/b/*': 'application/json' };
    const options = {
      hosts: 'any',
      store: memcachedStore({ servers: memcached.address }),
      nginx: { contentTypes },
    } as const;
    await using nginx = await NginxServer.start(({ port, directory }) => {
      const conf = nginxConf(options, { app: '127.0.0.1:1', listen: port, directory });
      return { ...conf, full: patient(conf.full) };
    });
    expect(nginx.testOutput).toBe('');
    const expected = new ContentTypes('text/html; charset=utf-8', contentTypes);
    const targets = [
      ...new Set([...Object.keys(contentTypes), '/aa', '/b', '/b/a', ...fc.sample(path, 60)].map(asSent)),
    ].filter(isPage);
    const keys = new PageKeys(checkOptions(options));
    for (const one of targets) {
      const [page] = keys.ofForm(one);
      await memcached.send(`set ${memcachedKey(page!.key)} 0 0 1\r\nx`);
    }
    const pool = new RawPool(nginx.port);
    const answers = await pool.sendAll(targets.map((one) => `GET ${one} HTTP/1.1\r\nHost: a\r\n\r\n`));
    pool.close();
    for (const [index, one] of targets.entries()) {
      const seen = field(answers[index]!, 'content-type');
      const isHit = field(answers[index]!, 'cache-status') === 'nginx; hit';
      if (!isHit) continue;
      hits.count += 1;
      if (expected.of(one) !== expected.ofAll) hits.typed += 1;
      expect(seen, `seed ${SEED}: ${one} of ${JSON.stringify(contentTypes)}`).toBe(expected.of(one));
    }
  }
  expect(hits.count).toBeGreaterThan(200);
  expect(hits.typed).toBeGreaterThan(20);
});

it('a miss and a memcached that is down lead to the application, whatever the type', async () => {
  await using nginx = await NginxServer.start(({ port, directory }) =>
    nginxConf(
      { hosts: 'any', store: memcachedStore({ servers: '127.0.0.1:1' }), nginx: TYPES },
      { app: '127.0.0.1:1', listen: port, directory },
    ),
  );
  await using client = new RawClient(nginx.port);
  const { status, headers } = await client.send('GET /api/a HTTP/1.1\r\nHost: a\r\n\r\n');
  expect([status, headers.some(([name]) => name === 'Cache-Status')]).toEqual([502, false]);
});
