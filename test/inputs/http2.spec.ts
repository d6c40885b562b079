import { once } from 'node:events';
import { connect, type Http2ServerRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { text } from 'node:stream/consumers';
import { Controller, Get, Header, type INestApplication, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

/** How code reads a request of HTTP/2, and what becomes of the page. */
const WAYS: Record<string, readonly [outcome: string, read: (request: Http2ServerRequest) => unknown]> = {
  'pseudo field authority': ['reads-host', ({ headers }) => headers[':authority']],
  authority: ['reads-host', ({ authority }) => authority],
  host: ['reads-host', ({ headers }) => headers.host],
  'pseudo field scheme': ['reads-scheme', ({ headers }) => headers[':scheme']],
  scheme: ['reads-scheme', ({ scheme }) => scheme],
  'a field': ['reads-x-one', ({ headers }) => headers['x-one']],
  'an absent field': ['reads-x-two', ({ headers }) => headers['x-two']],
  'all fields': ['reads-every-field', ({ headers }) => ({ ...headers })],
  'raw fields': ['reads-every-field', ({ rawHeaders }) => rawHeaders.join()],
  address: ['reads-remote-address', ({ socket }) => socket.remoteAddress],
  'address by the stream': ['reads-remote-address', ({ stream }) => stream.session?.socket.remoteAddress],
  'pseudo fields path and method': ['stored', ({ headers }) => [headers[':path'], headers[':method']]],
  'url and method': ['stored', ({ url, method }) => [url, method]],
  cookie: ['stored', ({ headers }) => headers.cookie],
};

@Controller()
class WaysController {
  @Get('way/:way')
  @Header('content-type', 'text/html; charset=utf-8')
  way(@Req() { raw, params }: { raw: Http2ServerRequest; params: { way: string } }) {
    return `<p>${JSON.stringify(WAYS[params.way]?.[1](raw)) ?? ''}</p>`;
  }
}

// Express does not speak HTTP/2.
describe('what a page is made from over HTTP/2, on fastify', () => {
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    ({ app, url } = await startApplication({
      platform: 'fastify',
      controllers: [WaysController],
      providers: [PageLog],
      fastify: { http2: true } as never,
      logger: false,
    }));
  });
  afterAll(() => app?.close());

  async function ask(path: string, fields: OutgoingHttpHeaders): Promise<{ status: string; body: string }> {
    const client = connect(url);
    const stream = client.request({ ':path': path, ...fields });
    const [[headers], body] = await Promise.all([
      once(stream, 'response') as Promise<[IncomingHttpHeaders]>,
      text(stream),
    ]);
    client.close();
    return { status: String(headers['cache-status']), body };
  }

  it.each(Object.entries(WAYS))('%s', async (way, [expected]) => {
    const path = `/way/${encodeURIComponent(way)}`;
    const first = await ask(path, { 'x-one': 'alice', ':authority': 'alice.example', cookie: '_ga=alice' });
    expect(await app.get(PageLog).outcome(path)).toBe(expected);
    const second = await ask(path, {});
    expect(second.body).not.toContain('alice');
    if (expected === 'stored') expect(second).toEqual({ status: 'nestjs-nginx-cache; hit', body: first.body });
    else expect(second.status).toMatch(/detail=reads-/);
  });
});
