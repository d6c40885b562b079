import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf } from '../../lib/index.js';
import { NginxServer, RawClient } from '../../lib/testing/index.js';
import { HUNG_UP } from '../page/raw-pool.js';
import { type Site, startSite } from '../support/site.js';

@Controller()
class EchoController {
  @Get('{*path}')
  @Header('content-type', 'text/html; charset=utf-8')
  echo(@Req() { originalUrl }: { originalUrl: string }) {
    return `application: ${originalUrl}`;
  }
}

describe('the generated configuration', () => {
  const options = { hosts: ['example.com', 'www.example.com'], query: { allow: ['p'] } };
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform: 'express',
      controllers: [EchoController],
      options,
    });
  });
  afterAll(() => site?.stop());

  const send = async (target: string, host = 'example.com', fields: string[] = [], port = site.nginx.port) => {
    await using client = new RawClient(port);
    const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...fields, '\r\n'];
    return client.send(lines.join('\r\n')).catch(() => HUNG_UP);
  };

  it.each(['other.example', 'example.com.evil', 'xexample.com', '127.0.0.1', 'localhost', '_', 'example.co'])(
    'hangs up on the host %s',
    async (host) => {
      expect((await send('/page', host)).status).toBe(0);
      // What is no host name at all is refused before.
      expect([0, 400]).toContain((await send(`http://${host}/page`)).status);
    },
  );

  it.each(['example.com', 'EXAMPLE.com', 'example.com:8080', 'www.example.com', 'example.com.'])(
    'answers the host %s',
    async (host) => {
      expect((await send('/page', host)).status).toBe(200);
    },
  );

  it('does not tell its version', async () => {
    for (const target of ['/page', '/page', '/x'.repeat(9000), '/\0']) {
      const { headers, body } = await send(target);
      expect(headers.find(([name]) => name === 'Server')?.[1] ?? 'nginx').toBe('nginx');
      expect(body.toString()).not.toMatch(/nginx\/\d/);
    }
  });

  it('has no location that could be asked for from outside', async () => {
    const conf = readFileSync(`${site.nginx.directory}/nginx.conf`, 'utf8');
    const names = [...conf.matchAll(/location (?:= )?([@\w]+) \{/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThanOrEqual(2);
    for (const name of names) {
      for (const target of [`/${name}`, `/${encodeURIComponent(name)}`, `/${name.replace('@', '')}`, `/${name}?p=1`]) {
        const { status, body } = await send(target);
        expect(status, target).toBe(200);
        expect(body.toString()).toBe(`application: ${target}`);
      }
      for (const target of [name, `http://example.com${name}`, `@${name}`]) {
        expect([0, 400], target).toContain((await send(target)).status);
      }
    }
  });

  it('asks memcached for nothing that is not a page', async () => {
    // Not a real one: that one would not tell what it has refused.
    let seen = '';
    const sockets = new Set<Socket>();
    const memcached = createServer((socket) => {
      sockets.add(socket);
      socket.setEncoding('latin1').on('data', (data: string) => {
        seen += data;
        socket.write('END\r\n');
      });
      socket.on('error', () => {});
    });
    await once(memcached.listen(0, '127.0.0.1'), 'listening');
    const { port } = memcached.address() as AddressInfo;
    await using nginx = await NginxServer.start(({ port: listen, directory }) =>
      nginxConf(
        { ...options, store: memcachedStore({ servers: `127.0.0.1:${port}` }) },
        { app: site.address, listen, directory },
      ),
    );
    const targets = [
      '/page%0d%0aget%20x',
      '/page%00',
      '/page%20x',
      '/page%7F',
      '/pa\x01ge',
      '/pa\tge',
      '/page?p=a%0Ab',
      '/page?p=%00',
      `/${'long'.repeat(60)}`,
      `/page?p=${'long'.repeat(60)}`,
      `/${'%C3%A4'.repeat(35)}`,
      '/%0D%0Astats',
      '/page?p=1 set',
      '/\r\nget x',
      '/page?p=a\nget x',
      '/page?other=long',
      '/page;\x7f',
      '/page?p=1\x01',
    ];
    for (const target of targets) await send(target, 'example.com', [], nginx.port);
    await send('/page', 'example.com', ['Cookie: sid=long'], nginx.port);
    await send('/page', 'example.com', ['Authorization: long'], nginx.port);
    await send('/positive%20control', 'example.com', [], nginx.port);
    for (const socket of sockets) socket.destroy();
    memcached.close();
    const keys = seen.split('\r\n').filter(Boolean);
    expect(keys).toContain('get page:example.com/positive%2520control');
    for (const line of keys) {
      // A bare line end makes requests of HTTP/0.9: "GET /" and "GET /page?p=a".
      expect(line).toMatch(/^get page:example\.com\/(?:positive%2520control|page%2520x|page%257F|page\?p=a)?$/);
    }
  });
});
