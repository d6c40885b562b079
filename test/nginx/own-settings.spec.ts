import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer, RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { extraTime } from '../support/extra-time.js';
import { patient } from '../support/patience.js';
import { ok, RawBackend } from './raw-backend.js';

describe('inside a site that has its own settings', () => {
  let memcached: MemcachedServer;
  let app: RawBackend;
  let other: RawBackend;
  let nginx: NginxServer;
  let client: RawClient;

  const site = (prefix: string): NginxCacheOptions => ({
    prefix,
    store: memcachedStore({ servers: memcached.address }),
    query: { allow: ['page'] },
  });

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    app = await RawBackend.start();
    other = await RawBackend.start();
    const blog = nginxConf(site('blog:'), { app: `127.0.0.1:${app.port}` });
    const shop = nginxConf(site('shop:'), { app: `127.0.0.1:${other.port}` });
    nginx = await NginxServer.start(({ port, directory: place }) => ({
      full: `
        worker_processes 1;
        pid ${place}/nginx.pid;
        error_log ${place}/error.log crit;
        events {}
        http {
          client_body_temp_path ${place}/body; proxy_temp_path ${place}/proxy;
          fastcgi_temp_path ${place}/fastcgi; uwsgi_temp_path ${place}/uwsgi; scgi_temp_path ${place}/scgi;
          access_log off;
          variables_hash_max_size 4096; variables_hash_bucket_size 128;
          types { text/html html; text/css css; }
          default_type application/octet-stream;
          gzip on; gzip_types text/css text/plain; gzip_min_length 20; gzip_comp_level 2; gzip_vary off;
          charset off;
          proxy_buffering off; proxy_http_version 1.0; proxy_set_header X-Site own; proxy_intercept_errors on;
          ${patient(blog.http)}
          ${patient(shop.http)}
          server {
            listen 127.0.0.1:${port} default_server;
            server_name blog.example;
            add_header Strict-Transport-Security "max-age=1" always;
            error_page 404 /missing.html;
            error_page 502 /oops.html;
            location = /oops.html { internal; return 200 "the site's own 502"; }
            location = /missing.html { internal; return 200 "the site's own 404"; }
            location /static/ { return 200 static; }
            ${patient(blog.server)}
          }
          server { listen 127.0.0.1:${port}; server_name shop.example; ${patient(shop.server)} }
        }`,
    }));
    client = new RawClient(nginx.port);
  });
  afterAll(async () => {
    client?.close();
    await nginx?.stop();
    app?.stop();
    other?.stop();
    await memcached?.stop();
  });
  beforeEach(() => {
    app.answer = () => ok('app');
  });
  afterEach(() => memcached.flush());

  const send = (line: string, fields: string[] = [], body = ''): Promise<RawResponse> =>
    client.send([`${line} HTTP/1.1`, 'Host: blog.example', ...fields, '', body].join('\r\n'));
  const put = (key: string, value: string, flags = 0) =>
    memcached.send(`set ${key} ${flags} 0 ${value.length}\r\n${value}`);
  const text = ({ body }: RawResponse) => body.toString('utf8');

  it('starts without a warning', () => expect(nginx.testOutput).toBe(''));

  it('serves what is stored, with the fields of the site', async () => {
    await put('blog:/a', '<p>stored</p>');
    const hit = await send('GET /a');
    expect([hit.status, text(hit)]).toEqual([200, '<p>stored</p>']);
    expect(field(hit, 'content-type')).toBe('text/html; charset=utf-8');
    expect(field(hit, 'cache-status')).toBe('nginx; hit');
    expect(field(hit, 'strict-transport-security')).toBe('max-age=1');
  });

  it('claims no hit for what the application or the site answers', async () => {
    for (const target of ['/b', '/b?x=1', '/static/x'])
      expect(field(await send(`GET ${target}`), 'cache-status')).toBeUndefined();
    const head = await send('HEAD /b');
    expect([head.status, field(head, 'cache-status')]).toEqual([200, undefined]);
  });

  it('answers HEAD from what is stored', async () => {
    await put('blog:/a', '<p>stored</p>');
    const { status, headers, body } = await send('HEAD /a');
    expect([status, body.length]).toEqual([200, 0]);
    expect(headers).toContainEqual(['Content-Length', '13']);
    expect(headers).toContainEqual(['Cache-Status', 'nginx; hit']);
  });

  it.each([
    ['stored gzipped', 1],
    ['stored as it is', 0],
  ])('speaks gzip to those who do, and plain text to all others: a page %s', async (_, flags) => {
    const page = `<p>${'long enough '.repeat(200)}</p>`;
    await put('blog:/z', (flags ? gzipSync(page) : Buffer.from(page)).toString('latin1'), flags);
    const packed = await send('GET /z', ['Accept-Encoding: gzip']);
    const plain = await send('GET /z');
    expect(field(packed, 'content-encoding')).toBe('gzip');
    expect(gunzipSync(packed.body).toString()).toBe(page);
    expect(field(plain, 'content-encoding')).toBeUndefined();
    expect(text(plain)).toBe(page);
    expect([field(packed, 'vary'), field(plain, 'vary')]).toEqual(['Accept-Encoding', 'Accept-Encoding']);
  });

  it.each(['/a%20b;c+d|e', '/a//b/./c?x=1', '/k%c3%a4se?utm_x=1', '/\xc3\xa4\\^"', '/?page=1&page=2', '/a#b?c'])(
    'hands %s on as it came',
    async (target) => {
      await send(`GET ${target}`);
      expect(app.last.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`);
    },
  );

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])('hands %s on with its body', async (method) => {
    await put('blog:/form', 'stored');
    const answer = await send(`${method} /form`, ['Content-Length: 9'], 'a=1&b=%20');
    expect(text(answer)).toBe('app');
    expect(app.last).toMatch(new RegExp(`^${method} /form HTTP/1.1\r\n`));
    expect(app.last).toMatch(/\r\n\r\na=1&b=%20$/);
    expect(app.field('X-Page-Cache-Key')).toBe(method === 'GET' ? 'bypass content ' : 'bypass method content ');
  });

  it('hands a chunked body on', async () => {
    await send('POST /form', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n');
    expect(app.last).toMatch(/\r\n\r\nabc$/);
  });

  const CONDITIONS = ['If-None-Match: "x"', 'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'If-Range: "x"'];
  it.each(CONDITIONS)('asks for all of a page that is to be stored: not %s', async (condition) => {
    const name = condition.split(':')[0] as string;
    await send('GET /new', [condition]);
    expect([app.field('X-Page-Cache-Key'), app.field(name)]).toEqual(['blog:/new', undefined]);
    await send('GET /new?x=1', [condition]);
    expect(app.field('X-Page-Cache-Key')).toBe('bypass query ');
    expect(app.field(name)).toBe(condition.slice(name.length + 2));
    await send('HEAD /new', [condition]);
    expect(app.field('X-Page-Cache-Key')).toBe('bypass ');
    expect(app.field(name)).toBe(condition.slice(name.length + 2));
  });

  it('tells the application who asks', async () => {
    await send('GET /who', ['X-Page-Cache-Key: blog:/forged', 'X-Forwarded-For: 192.0.2.1']);
    expect(app.field('X-Page-Cache-Key')).toBe('blog:/who');
    expect(app.field('X-Forwarded-For')).toBe('192.0.2.1, 127.0.0.1');
    expect(app.field('X-Forwarded-Proto')).toBe('http');
    expect(app.field('Host')).toBe('blog.example');
    expect(app.field('Connection')).toBeUndefined();
  });

  it.each([
    ['blog.example:8080', 'blog.example:8080'],
    ['BLOG.example', 'BLOG.example'],
    ['blog.example.', 'blog.example.'],
  ])('hands the host %s on as %s', async (host, seen) => {
    await client.send(`GET /host HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect([app.field('Host'), app.field('X-Forwarded-Host')]).toEqual([seen, seen]);
  });

  it.each(['blog.example:x', 'blog.example"', 'blog&example', '[::1', 'a b', 'a%41'])(
    'refuses what is no host: %s',
    async (host) => {
      const { status } = await client.send(`GET /host HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect(status).toBe(400);
    },
  );

  it('believes the request line, not a Host that contradicts it', async () => {
    await client.send('GET http://blog.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect(app.last).toMatch(/^GET \/x HTTP/);
    expect(app.field('Host')).toBe('blog.example');
  });

  it('keeps the error pages of the site for what the application answers, and for when it is gone', async () => {
    app.answer = () => ok('the app failed', '502 Bad Gateway');
    expect(text(await send('GET /broken'))).toBe("the site's own 502");
    app.answer = () => ok('not found', '404 Not Found');
    expect(text(await send('GET /gone'))).toBe("the site's own 404");
    expect(text(await send('GET /gone?x=1'))).toBe("the site's own 404");
    app.answer = () => '';
    expect(text(await send('GET /hangs-up'))).toBe("the site's own 502");
  });

  it.each([
    '418 Teapot',
    '500 Internal Server Error',
    '503 Service Unavailable',
    '504 Gateway Timeout',
    '403 Forbidden',
  ])('does not touch a %s of the application', async (status) => {
    app.answer = () => ok('mine', status);
    const answer = await send('GET /status');
    expect([answer.status, text(answer)]).toEqual([Number(status.slice(0, 3)), 'mine']);
  });

  it('lets websockets through, and only a request that asks for one', async () => {
    app.answer = () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    await put('blog:/socket', 'stored');
    const socket = new RawClient(nginx.port);
    const answer = await socket.send(
      'GET /socket HTTP/1.1\r\nHost: blog.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    );
    socket.close();
    expect(answer.status).toBe(101);
    expect([app.field('Upgrade'), app.field('Connection')]).toEqual(['websocket', 'upgrade']);
    expect(app.field('X-Page-Cache-Key')).toBe('bypass upgrade ');
  });

  it('keeps the pages of two sites apart', async () => {
    await put('blog:/a', 'of the blog');
    await put('shop:/a', 'of the shop');
    const shop = await client.send('GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n');
    expect([text(await send('GET /a')), text(shop)]).toEqual(['of the blog', 'of the shop']);
    other.answer = () => ok('the other app');
    expect(text(await client.send('GET /b HTTP/1.1\r\nHost: shop.example\r\n\r\n'))).toBe('the other app');
  });

  it('asks the application when memcached is stopped, answers rubbish, or is gone', async () => {
    await using impatient = await NginxServer.start(({ port, directory: place }) =>
      nginxConf(
        { ...site('blog:'), hosts: 'any' },
        { app: `127.0.0.1:${app.port}`, listen: `127.0.0.1:${port}`, directory: place },
      ),
    );
    await using visitor = new RawClient(impatient.port);
    const visit = (...fields: string[]) =>
      visitor.send(['GET /a HTTP/1.1', 'Host: blog.example', ...fields, '\r\n'].join('\r\n'));
    await put('blog:/a', 'stored');
    memcached.pause();
    const { extra, result } = await extraTime(40 + 40, visit, () => visit('Cookie: session=1'));
    expect(text(result)).toBe('app');
    expect(extra).toBeLessThan(40 + 40);
    memcached.resume();
    await memcached.kill();
    expect(text(await visit())).toBe('app');
    await memcached.restart();
  });

  it('takes large uploads in the complete configuration', async () => {
    await using complete = await NginxServer.start(({ port, directory: place }) =>
      nginxConf(
        { ...site('blog:'), hosts: 'any' },
        { app: `127.0.0.1:${app.port}`, listen: `127.0.0.1:${port}`, directory: place },
      ),
    );
    await using uploader = new RawClient(complete.port);
    const body = 'x'.repeat(3_000_000);
    const answer = await uploader.send(
      `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer.status).toBe(200);
    expect(app.last.length).toBeGreaterThan(body.length);
    expect(complete.testOutput).toBe('');
    expect(complete.errorLog()).not.toMatch(/emerg|alert|crit|error/);
  });
});
