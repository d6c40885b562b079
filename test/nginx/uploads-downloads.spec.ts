import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fastifyStatic from '@fastify/static';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf } from '../../lib/index.js';
import { NginxServer, pageCacheMatchers } from '../../lib/testing/index.js';
import { type Platform, PLATFORMS } from '../support/applications.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';
import { startSite } from '../support/site.js';
import { field } from '../page/raw-pool.js';

expect.extend(pageCacheMatchers);

it.each([
  ['with a length', 'Content-Length: 2000000', (text: string) => text],
  ['in chunks', 'Transfer-Encoding: chunked', (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`],
])('an upload %s reaches the application before it is complete', async (_, framing, part) => {
  let arrived = '';
  const sockets = new Set<Socket>();
  let onData = () => {};
  const app = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding('latin1').on('data', (data: string) => {
      arrived += data;
      onData();
    });
  });
  await once(app.listen(0, '127.0.0.1'), 'listening');
  const { port } = app.address() as AddressInfo;
  await using nginx = await NginxServer.start(({ port: listen, directory }) =>
    nginxConf(
      { hosts: 'any', store: memcachedStore({ servers: '127.0.0.1:1' }) },
      { app: `127.0.0.1:${port}`, listen, directory },
    ),
  );
  const client = connect(nginx.port, '127.0.0.1');
  const begins = new Promise<void>((resolve) => {
    onData = () => {
      if (arrived.includes('first part')) resolve();
    };
  });
  client.write(`POST /upload HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${part('first part')}`);
  await begins;
  expect(arrived).toMatch(/^POST \/upload HTTP\/1\.1\r\n/);
  client.destroy();
  for (const socket of sockets) socket.destroy();
  app.close();
});

const VIDEO = '0123456789';

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return `<p>${VIDEO}</p>`;
  }
}

describe.each(PLATFORMS)('files that the application serves on %s', (platform: Platform) => {
  it('can be sought and resumed through nginx, and make no pages', async () => {
    const root = mkdtempSync(join(tmpdir(), 'static-'));
    writeFileSync(join(root, 'video.mp4'), VIDEO);
    const prepare = async (app: INestApplication) => {
      if (platform === 'express') (app as NestExpressApplication).useStaticAssets(root);
      else await (app as NestFastifyApplication).register(fastifyStatic, { root });
    };
    await using site = await startSite({ platform, controllers: [PageController], prepare });
    const all = await site.get('/video.mp4');
    expect([all.code, all.body.toString()]).toEqual([200, VIDEO]);
    const part = await site.get('/video.mp4', { headers: { range: 'bytes=3-5' } });
    expect([part.code, part.body.toString(), part.headers.get('content-range')]).toEqual([206, '345', 'bytes 3-5/10']);
    const resumed = { range: 'bytes=7-', 'if-range': all.headers.get('etag') ?? '' };
    expect((await site.get('/video.mp4', { headers: resumed })).body.toString()).toBe('789');
    const changed = await site.get('/video.mp4', { headers: { range: 'bytes=7-', 'if-range': '"other"' } });
    expect([changed.code, changed.body.toString()]).toEqual([200, VIDEO]);
    rmSync(root, { recursive: true });
  });
});

describe.each(FLAVOURS.filter(({ flavour }) => flavour))('a range of a page with $name', (under) => {
  it('makes no page, and leaves the one that is there', async () => {
    await using site = await startFlavour(under, 'express', {}, { controllers: [PageController] });
    const range = { Range: 'bytes=3-5' };
    const miss = await site.get('/page', range);
    expect([field(miss, 'cache-status'), miss.body.toString()]).toEqual([
      'nestjs-nginx-cache; fwd=bypass; detail=range',
      `<p>${VIDEO}</p>`,
    ]);
    expect(await site.memcached.keys()).toEqual([]);
    await site.twice('/page');
    const part = await site.get('/page', range);
    expect(field(part, 'cache-status')).toBe('nginx; hit');
    // Where nginx has to unpack it, the page comes whole (docs/nginx.md, "Parts of pages").
    expect([206, 200]).toContain(part.status);
    expect(part.body.toString()).toBe(part.status === 206 ? '012' : `<p>${VIDEO}</p>`);
  });
});
