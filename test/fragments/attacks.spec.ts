import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Header, Param, Query, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FragmentPage, nginxConf, PageFragment, pageFragment, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer, RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { EVIL } from '../support/fragment-pages.controller.js';
import { PageLog } from '../support/page-log.js';
import { patient, patientStore } from '../support/patience.js';
import { answer } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const SECRET = 'only for Eve';
/** What would leave its place, or nginx's own parameter, if it were not encoded. */
const PARAMETERS = [
  '"',
  '" stub="0',
  '--><script>',
  '" -->',
  '\r\nX: y\r\n\r\n',
  '../../secret',
  '/../secret',
  '%2e%2e/secret',
  '?a=b&c=d#e',
  '$http_cookie',
  '${http_cookie}',
  '\\',
  '\0',
  EVIL,
];

@Controller()
class AttackedController {
  @Get(['filled/:index', 'plain/:index'])
  @Header('content-type', HTML)
  page(@Param('index') index: string) {
    return `<h1>${EVIL}</h1>${pageFragment('mirror', { text: PARAMETERS[Number(index)] }, { fallback: 'none' })}`;
  }

  @Get('bare')
  @Header('content-type', HTML)
  bare() {
    return EVIL;
  }

  /** Escapes nothing, and undoes what others have escaped. */
  @PageFragment('mirror')
  @Header('content-type', HTML)
  mirror(
    @Query() query: object,
    @Req() { headers }: { headers: IncomingMessage['headers'] },
    @FragmentPage() page: string,
  ) {
    return JSON.stringify([query, headers['x-said'] ?? '', decodeURIComponent(page)]);
  }

  @PageFragment('secret')
  @Header('content-type', HTML)
  secret() {
    return SECRET;
  }
}

describe.each(PLATFORMS)('on %s, where nginx reads everything with its SSI filter', (platform) => {
  let memcached: MemcachedServer;
  let nginx: NginxServer;
  let client: RawClient;
  let close: () => Promise<void>;
  let log: PageLog;
  const get = (target: string, more: string[] = []): Promise<RawResponse> =>
    client.send(['GET ' + target + ' HTTP/1.1', 'Host: a.example', 'Cookie: name=Eve', ...more, '\r\n'].join('\r\n'));
  const mirrored = (index: number, said: string, target: string) =>
    `<h1>${EVIL}</h1>${JSON.stringify([{ text: Buffer.from(PARAMETERS[index]!).toString() }, said, decodeURIComponent(target)])}`;

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    const options: NginxCacheOptions = {
      store: patientStore(memcached.address),
      hosts: 'any',
      fragments: ['/filled/*'],
      fragmentTimeout: 60_000,
      anonymousOnly: { sessionCookies: ['session'] },
    };
    const { app, address } = await startApplication({
      platform,
      options,
      controllers: [AttackedController],
      providers: [PageLog],
      isPatient: true,
    });
    log = app.get(PageLog);
    nginx = await NginxServer.start(({ port, directory }) => {
      const { full } = nginxConf(options, { app: address, listen: port, directory });
      return { full: patient(full).replace('http {', 'http {\nssi on;') };
    });
    client = new RawClient(nginx.port);
    close = () => app.close();
  });
  afterAll(async () => {
    client.close();
    await close();
    await nginx.stop();
    await memcached.stop();
  });

  it.each(PARAMETERS.map((text, index) => ({ text, index })))(
    'a parameter stays in its place, and nothing in page, fragment, header and query is executed: $text',
    async ({ index }) => {
      const said = EVIL.replaceAll('\n', ' ');
      const query = `?utm_source=${encodeURIComponent(EVIL)}`;
      const raw = `?utm_source="<!--#echo%20var="http_cookie"%20--><!--#include`;
      for (const path of [`/filled/${index}`, `/plain/${index}`]) {
        await get(path);
        expect(await log.outcome(path)).toBe(path.startsWith('/plain') ? 'fragment' : 'stored');
        for (const [target, cookie] of [
          [path, ''],
          [path + query, ''],
          [path + raw, ''],
          [path + query, 'Cookie: session=1'],
        ] as const) {
          const page = await get(target, [`X-Said: ${said}`, ...(cookie === '' ? [] : [cookie])]);
          const isHit = path.startsWith('/filled') && cookie === '' && !target.endsWith(raw);
          expect([target, field(page, 'cache-status') === 'nginx; hit']).toEqual([target, isHit]);
          expect(page.body.toString()).toBe(mirrored(index, said, target));
        }
      }
    },
  );

  it('a page without fragments is sent as it is, on a miss, on a hit, and past the cache', async () => {
    expect((await get('/bare')).body.toString()).toBe(EVIL);
    expect(await log.outcome('/bare')).toBe('stored');
    expect((await get('/bare')).body.toString()).toBe(EVIL);
    expect((await get('/bare', ['Cookie: session=1'])).body.toString()).toBe(EVIL);
  });

  it.each([
    '/.page-fragment/secret',
    '//.page-fragment/secret',
    '/.page-fragment//secret',
    '/.page-fragment/./secret',
    '/x/../.page-fragment/secret',
    '/x/%2e%2e/.page-fragment/secret',
    '/%2Epage-fragment/secret',
    '/.page-fragment%2Fsecret',
    '/.page-fragment%2fsecret',
    '/%252Epage-fragment/secret',
    '/.page-fragment/secret;a=b',
    '/.page-fragment/secret%00',
    '/.page-fragment\\secret',
    'http://a.example//.page-fragment/secret',
  ])('nobody gets a fragment by its address: %s', async (target) => {
    const fields = ['X-Page-Fragment: /', 'X-Page-Fragment-Cookie: name=Eve', 'X-Page-Cache-Key: page:/'];
    for (const more of [[], ['Cookie: session=1'], ['X-Original-URL: /.page-fragment/secret']]) {
      const { status, body } = await get(target, [...fields, ...more]);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body.toString()).not.toContain(SECRET);
    }
  });
});

it.each(PLATFORMS)(
  'nobody gets a fragment by X-Original-URL, not even where the application follows it: %s',
  async (platform) => {
    const follow = ({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>) =>
      headers['x-original-url']?.toString() ?? url;
    const { app, url } = await startApplication({
      platform,
      options: { hosts: 'any', fragments: ['/filled/*'] },
      controllers: [AttackedController],
      prepare: (application) => {
        if (platform === 'fastify') return;
        application.use((request: IncomingMessage, _: ServerResponse, next: () => void) => {
          request.url = follow(request);
          next();
        });
      },
      fastify: { rewriteUrl: follow },
    });
    const ask = (original: string) =>
      answer(`${url}/none`, { headers: { 'x-original-url': original, 'x-page-fragment': '/' } });
    expect((await ask('/bare')).body.toString()).toBe(EVIL);
    const { code, body } = await ask('/.page-fragment/secret');
    expect([code, body.includes(SECRET)]).toEqual([404, false]);
    await app.close();
  },
);
