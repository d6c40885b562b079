import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, type INestApplication, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fastifyHelmet from '@fastify/helmet';
import helmet from 'helmet';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { PageKeys } from '../../lib/page/page-key.js';
import { MemcachedServer, NginxServer, pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { patient } from '../support/patience.js';
import { fc } from '../support/random.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class ShopController {
  @Get()
  @Header('content-type', HTML)
  home() {
    return '<h1>shop</h1>';
  }

  @Get('products/1')
  @Header('content-type', HTML)
  product(@Res() reply: ServerResponse) {
    raw(reply).setHeader('Content-Type', HTML).setHeader('Link', '</1.css>; rel="preload"').end('<h1>product</h1>');
  }

  @Get('products/2')
  @Header('content-type', HTML)
  @Header('X-Debug-Queries', '17')
  other() {
    return '<h1>product</h1>';
  }
}

const prepare: Record<Platform, (app: INestApplication) => unknown> = {
  express: (app) => app.use(helmet()),
  fastify: (app) => (app as NestFastifyApplication).register(fastifyHelmet),
};

/** What one pastes into `nginx.headers`. */
function lines(message: string | undefined): Record<string, string> {
  const found = message?.match(/^ {2}".*,$/gm)?.join('') ?? '';
  return JSON.parse(`{${found.replace(/,$/, '')}}`) as Record<string, string>;
}

let site: Site | undefined;
afterEach(async () => {
  await site?.stop();
  site = undefined;
});

async function start(platform: Platform, options: NginxCacheOptions = {}) {
  const logger = new CollectedLogger();
  site = await startSite({
    platform,
    controllers: [ShopController],
    logger,
    options,
    prepare: async (app) => {
      await prepare[platform](app);
    },
  });
  return { site, warnings: logger.lines };
}

async function outcomeOf(shop: Site, target: string): Promise<string> {
  shop.log.outcomes.delete(target);
  await shop.get(target);
  return shop.log.outcome(target);
}

describe.each(PLATFORMS)('a shop with the defaults of helmet on %s', (platform) => {
  it('is cached with the stock flavour after doing what one log message says', async () => {
    const before = await start(platform);
    const outcome = await outcomeOf(before.site, '/');
    expect(outcome).toMatch(/^header-content-security-policy\+/);
    expect(outcome.split('+').length).toBeGreaterThan(10);
    expect(before.warnings).toHaveLength(1);
    // Said once, however often it happens.
    await before.site.get('/');
    expect(before.warnings).toHaveLength(1);
    const headers = lines(before.warnings[0]);
    expect(Object.keys(headers).map((name) => name.toLowerCase())).toContain('x-frame-options');
    await before.site.stop();

    const after = await start(platform, { nginx: { headers } });
    const first = await after.site.get('/');
    expect(await after.site.log.outcome('/')).toBe('stored');
    const second = await after.site.get('/');
    expect(second).toBePageCacheHit();
    for (const name of Object.keys(headers)) expect(second.headers.get(name), name).toBe(first.headers.get(name));
    expect(after.warnings).toEqual([]);
  });

  it('offers what comes with every page, and says of the rest what can be done', async () => {
    const { site: shop, warnings } = await start(platform);
    await shop.get('/products/1');
    expect(Object.keys(lines(warnings[0]))).toContain('Link');
    await shop.get('/');
    // Now it is known that it does not come with every page.
    const offered = lines(warnings[1]);
    expect(Object.keys(offered)).not.toContain('Link');
    expect(Object.keys(offered).length).toBeGreaterThan(10);
    await shop.get('/products/1');
    expect(lines(warnings[2])).toEqual(offered);
    expect(warnings[2]).toContain('excuseHeaders: ["link"]');
    for (const target of ['/', '/products/1']) await shop.get(target);
    expect(warnings).toHaveLength(3);
    await shop.stop();

    const { site: next } = await start(platform, { nginx: { headers: offered }, excuseHeaders: ['Li*k', 'X-Debug-*'] });
    for (const target of ['/', '/products/1', '/products/2']) expect(await outcomeOf(next, target)).toBe('stored');
  });

  it('names a field that nginx would add as well', async () => {
    const headers = { 'X-Frame-Options': 'SAMEORIGIN', 'X-Nobody': 'sends' };
    const { site: shop, warnings } = await start(platform, { nginx: { headers } });
    expect(await outcomeOf(shop, '/')).toMatch(/\+x-nobody$/);
    expect(lines(warnings[0])).not.toHaveProperty('X-Frame-Options');
    expect(warnings[0]).toContain('nginx.headers has x-nobody, and this page has not');
  });

  it('takes "*" in excuseHeaders for any name, and in excuseVary for a mistake', async () => {
    const { site: shop } = await start(platform, { excuseHeaders: ['*'] });
    expect(await outcomeOf(shop, '/products/1')).toBe('stored');
    await expect(start(platform, { excuseVary: ['*'] })).rejects.toThrow(/^excuseVary\.0: '\*' is not possible/);
  });
});

it('an application that sends other fields with each page fills no log', async () => {
  @Controller()
  class EagerController {
    static count = 0;
    @Get()
    show(@Res() reply: ServerResponse) {
      EagerController.count += 1;
      raw(reply).setHeader('Content-Type', HTML).setHeader(`X-${EagerController.count}`, 'x').end('<p>');
    }
  }
  const logger = new CollectedLogger();
  site = await startSite({ platform: 'express', controllers: [EagerController], logger });
  for (let round = 0; round < 50; round += 1) await site.get('/');
  expect(EagerController.count).toBeGreaterThanOrEqual(50);
  expect(logger.lines).toHaveLength(20);
});

it('nginx sends any value that it can be given, byte for byte', async () => {
  const value = fc
    .array(
      fc.oneof(
        fc.constantFrom('"', '\\', "'", ';', '{', '}', '#', '\\n', '\\"', ' '),
        fc.stringMatching(/^[\x20-\x7e]{1,3}$/),
      ),
    )
    .map((pieces) => pieces.join('').replace(/\$/g, '').trim())
    .filter((text) => text !== '');
  const values = [
    'default="https://reports.example/main"',
    'geolocation=(self "https://maps.example")',
    '</a.css>; rel="preload"; title="C:\\\\x"',
    'a\\',
    '\\',
    '"',
    ...fc.sample(value, 100),
  ];
  const headers = Object.fromEntries(values.map((one, index) => [`X-${index}`, one]));
  await using memcached = await MemcachedServer.start();
  const options: NginxCacheOptions = {
    hosts: 'any',
    store: memcachedStore({ servers: memcached.address }),
    nginx: { headers },
  };
  await using nginx = await NginxServer.start(({ port, directory }) => ({
    full: patient(nginxConf(options, { app: '127.0.0.1:1', listen: port, directory }).full),
  }));
  const [page] = new PageKeys(checkOptions(options)).ofForm('/');
  await memcached.send(`set ${page!.key} 0 0 6\r\nstored`);
  await using client = new RawClient(nginx.port);
  const hit = await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const sent = new Map(hit.headers);
  for (const [name, text] of Object.entries(headers)) expect(sent.get(name)).toBe(text);
});
