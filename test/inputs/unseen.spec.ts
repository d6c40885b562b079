import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { NginxCacheOptions } from '../../lib/index.js';
import { RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { fateOf } from '../support/fate.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';
import { startSite } from '../support/site.js';

type Asked = IncomingMessage & { raw?: IncomingMessage };
const HTML = 'text/html; charset=utf-8';

@Controller()
class UnseenController {
  @Get('nothing')
  @Header('content-type', HTML)
  nothing() {
    return 'page';
  }

  @Get('host')
  @Header('content-type', HTML)
  host(@Req() { headers }: Asked) {
    return `<a href="//${headers.host}/x">x</a>`;
  }

  @Get('address')
  @Header('content-type', HTML)
  address(@Req() request: Asked) {
    return `<p>${(request.raw ?? request).socket.remoteAddress}</p>`;
  }

  @Get('tag')
  @Header('content-type', HTML)
  tag(@Req() { headers }: Asked) {
    return `<p>${headers['if-none-match'] ?? 'nothing'}</p>`;
  }

  /** As compression does that refuses a coding. */
  @Get('coding')
  coding(@Req() { headers }: Asked, @Res() response: never) {
    const answer = raw<ServerResponse>(response);
    const isRefused = headers['accept-encoding'] === 'compress';
    answer.writeHead(isRefused ? 406 : 200, { 'Content-Type': HTML, 'Cache-Control': 'public, max-age=60' });
    answer.end('page');
  }
}

describe.each(PLATFORMS)('on %s', (platform) => {
  /** Starts an application, and asks it as a visitor whose requests are what they are. */
  const start = async (options: NginxCacheOptions = {}, connected?: (socket: Socket) => void) => {
    const { app, url } = await startApplication({
      platform,
      options,
      controllers: [UnseenController],
      providers: [PageLog],
      prepare: (created) => void (connected && created.getHttpServer().on('connection', connected)),
    });
    const port = Number(new URL(url).port);
    const outcome = async (target: string, ...fields: string[]) => {
      app.get(PageLog).forget();
      await using client = new RawClient(port);
      const host = fields.some((one) => one.startsWith('Host:')) ? [] : ['Host: example.com'];
      const answer = await client.send([`GET ${target} HTTP/1.1`, ...host, ...fields, '\r\n'].join('\r\n'));
      return fateOf(statusOf(answer), target, app.get(PageLog));
    };
    return { port, outcome, [Symbol.asyncDispose]: () => app.close() };
  };

  it('baggage makes no page, since tracing has read it before anybody can see that', async () => {
    await using site = await start();
    for (const name of ['baggage', 'Baggage', 'uberctx-tenant', 'ot-baggage-tenant']) {
      expect(await site.outcome('/nothing', `${name}: tenant=alice`)).toBe(`reads-${name.toLowerCase()}`);
    }
    expect(await site.outcome('/nothing', 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')).toBe(
      'stored',
    );
    expect(await site.outcome('/nothing', 'baggage: tenant=alice')).toBe('hit');
    await using other = await start({ requestFields: { ignore: ['baggage'] } });
    expect(await other.outcome('/nothing', 'baggage: tenant=alice')).toBe('stored');
  });

  it.each([{}, { requestFields: { pass: 'key' as const } }])(
    'the port of Host is no part of the key, with %j',
    async (more) => {
      await using site = await start({ hosts: ['example.com'], ...more });
      for (const port of ['6666', site.port]) {
        expect(await site.outcome('/host', `Host: example.com:${port}`)).toBe('reads-host');
      }
      expect(await site.outcome('/host')).toBe('stored');
      await using other = await start({ hosts: ['example.com'], origin: 'https://example.com:8443', ...more });
      expect(await other.outcome('/host')).toBe('reads-host');
      expect(await other.outcome('/host', 'Host: example.com:8443')).toBe('stored');
    },
  );

  it('the port of nginx is not that of the site', async () => {
    const options: NginxCacheOptions = { hosts: ['example.com'], nginx: { flavour: 'srcache' } };
    await using site = await startSite({ platform, options, controllers: [UnseenController] });
    await using client = new RawClient(site.nginx.port);
    const outcome = async (host: string) =>
      fateOf(statusOf(await client.send(`GET /host HTTP/1.1\r\nHost: ${host}\r\n\r\n`)), '/host', site.log);
    expect(await outcome(`example.com:${site.nginx.port}`)).toBe('reads-host');
    site.log.forget();
    expect(await outcome('example.com')).toBe('stored');
  });

  it('an address that a library for the PROXY protocol puts on a connection is that of a visitor', async () => {
    const put = (configurable: boolean) => (socket: Socket) =>
      Object.defineProperty(socket, 'remoteAddress', { configurable, get: () => '192.0.2.77' });
    await using site = await start({}, put(true));
    expect(await site.outcome('/address')).toBe('reads-remote-address');
    expect(await site.outcome('/nothing')).toBe('stored');
    await using other = await start({}, (socket) => {
      Reflect.deleteProperty(socket, 'remoteAddress');
      put(false)(socket);
    });
    expect(await other.outcome('/address')).toBe('not-observed');
  });

  it('no list of listeners lets pages be made from conditions', async () => {
    await using site = await start({ listeners: [] });
    expect(await site.outcome('/tag', 'If-None-Match: "alice"')).toBe('conditional');
    expect(await site.outcome('/tag')).toBe('stored');
  });

  it('a refusal of what one request accepts is no page', async () => {
    await using site = await start();
    expect(await site.outcome('/coding', 'Accept-Encoding: compress')).toBe('status-406');
    expect(await site.outcome('/coding', 'Accept-Encoding: gzip')).toBe('stored');
  });
});

function statusOf(answer: RawResponse): string {
  return field(answer, 'cache-status') ?? '';
}
