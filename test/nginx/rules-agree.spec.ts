import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { isKeyTooLong, PageKeys } from '../../lib/page/page-key.js';
import { hostOf, type RequestHead } from '../../lib/rules/request-head.js';
import { allRules } from '../../lib/rules/request-rules.js';
import { compile } from '../../lib/rules/rule.js';
import { MemcachedServer, NginxServer, type RawResponse } from '../../lib/testing/index.js';
import { RawPool } from '../page/raw-pool.js';
import { request } from './requests.js';
import { fc, SEED } from '../support/random.js';

const REQUESTS = 5000;

const ignore = ['utm_*', 'gclid', /^ref-\d+$/];
const SITES: Record<string, Omit<NginxCacheOptions, 'store'>> = {
  'the defaults': {},
  'session cookies': {
    prefix: 'shop.example:',
    anonymousOnly: { sessionCookies: ['connect.sid', 'sess-*', /^s.d$/] },
    query: { allow: ['page', 'sort'], ignore },
    exclude: ['/admin/*', '/search', /^\/tags\/[^x]/i, '/käse/*'],
    shared: ['/', '/posts/*', /^\/k/],
  },
  'ignored cookies, include, hosts': {
    prefix: '',
    anonymousOnly: { ignoreCookies: ['_ga', '_g*', '__utm*', /^sess-\d$/, /theme|lang/, 'käse'] },
    query: { allow: ['q-1', 'page'], ignore: ['utm_*', /^id/] },
    include: ['/', '/posts/*', '/k%C3%A4se/*', '/my file/*', /^\/tags\//i, /\/a[;+]b/],
    hosts: ['example.com', 'www.example.com', '[::1]'],
  },
  'everybody anonymous': {
    prefix: 'a:',
    anonymousOnly: false,
    include: [/^/],
    exclude: ['/*/c', /(?!\/)[A-Z]/, /^\/(?=s)/, '/100%'],
    query: { allow: ['page', 'sort', 'q-1'], ignore: [] },
  },
  'no cookie ignored': {
    anonymousOnly: { ignoreCookies: [] },
    exclude: [/a{2,}|\bposts\b/],
    shared: [/^\/[^a]/, '/käse/*'],
    query: { ignore: [] },
    trailingSlash: 'allow',
  },
  'no session cookie': { anonymousOnly: { sessionCookies: [] }, hosts: ['example.com'], trailingSlash: 'require' },
  'request fields': {
    prefix: 'f:',
    requestFields: { bypass: ['X-Preview', 'X-Theme'], ignore: ['HX-Request'] },
    query: { allow: ['page'], ignore },
  },
  'values of parameters': {
    prefix: 'v:',
    query: { allow: { page: /^[1-9]\d{0,2}$/, sort: /^(?:asc|desc)$|^a.?%2F/, 'q-1': /x[^a]?|=/ }, ignore },
  },
  'variants of some paths': {
    prefix: 'w:',
    variants: [
      { name: 'lang', cookie: 'lang', values: ['1', 'x'], default: '1', exclude: ['/posts/*', '/käse', /X/i] },
      { name: 'speech', header: 'Accept-Language', values: ['en', 'de', 'pt'], default: 'en', include: ['/', '/k*'] },
      { name: 'hint', header: 'X-Theme', values: ['0', 'x'], default: '0', include: [/^\/t/, '/'], exclude: ['/'] },
    ],
    query: { allow: ['page'], ignore },
  },
  'variants, and a token': {
    variants: [
      { name: 'lang', cookie: 'lang', values: ['1', '?1', 'x'], default: '1' },
      { name: 'speech', header: 'Accept-Language', values: ['en', 'de', 'de-ch', 'pt'], default: 'en' },
    ],
    bypassToken: '0123456789abcdef',
    query: { allow: ['page'], ignore },
  },
};

interface Arrived extends Pick<RequestHead, 'method' | 'headers'> {
  url: string;
}

describe.each(Object.entries(SITES))('nginx and TypeScript, with %s', (_, site) => {
  let memcached: MemcachedServer;
  let nginx: NginxServer;
  let backend: Server;
  let throughNginx: RawPool;
  let direct: RawPool;
  let options: NginxCacheOptions;

  beforeAll(async () => {
    memcached = await MemcachedServer.start();
    options = { hosts: 'any', ...site, store: memcachedStore({ servers: memcached.address }) };
    const answer = ({ method, url, headers }: IncomingMessage) => JSON.stringify({ method, url, headers });
    backend = createServer((req, res) => {
      // In a field, so that it survives HEAD.
      res.setHeader('X-Arrived', encodeURIComponent(answer(req))).end();
    });
    backend.on('upgrade', (req, socket) => {
      const arrived = encodeURIComponent(answer(req));
      socket.end(`HTTP/1.1 200 OK\r\nX-Arrived: ${arrived}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    await once(backend.listen(0, '127.0.0.1'), 'listening');
    const { port: app } = backend.address() as AddressInfo;
    nginx = await NginxServer.start(({ port, directory }) =>
      nginxConf(options, { app: `127.0.0.1:${app}`, listen: port, directory }),
    );
    throughNginx = new RawPool(nginx.port);
    direct = new RawPool(app);
  });
  afterAll(async () => {
    throughNginx?.close();
    direct?.close();
    backend?.closeAllConnections();
    backend?.close();
    await nginx?.stop();
    await memcached?.stop();
  });

  const arrived = (response: RawResponse): Arrived | undefined => {
    const text = response.headers.find(([name]) => name === 'X-Arrived')?.[1];
    return text === undefined ? undefined : (JSON.parse(decodeURIComponent(text)) as Arrived);
  };

  it('decide the same about every request', async () => {
    const checked = checkOptions(options);
    const rules = allRules(checked.rules).map((rule) => ({ reason: rule.reason, bypasses: compile(rule) }));
    const keys = new PageKeys(checked);
    const decision = ({ method, url, headers }: Arrived): string => {
      const head: RequestHead = { method, target: url, headers };
      const reasons = rules.filter(({ bypasses }) => bypasses(head)).map(({ reason }) => reason);
      if (isKeyTooLong(keys.of(head).key)) reasons.push('key-length');
      // Whoever asks for a part of a page makes none.
      if (reasons.length > 0 || method === 'HEAD' || headers.range) return shown(reasons);
      return keys.of(head).key;
    };
    /** `$uri` of an alias is another path than the raw one: what else keeps an alias away by its path does not matter. */
    const byPath = checked.rules.shared ? /exclu|inclu|cookie|authorization/ : /exclu|inclu/;
    const shown = (reasons: readonly string[]) =>
      ['bypass', ...reasons.filter((reason) => !reasons.includes('alias') || !byPath.test(reason))].join(' ');

    const { hosts } = checked;
    const isForeign = (alone: Arrived | undefined) =>
      hosts !== undefined && (!alone || !hosts.includes(hostOf(alone.headers)) || !alone.url.startsWith('/'));

    const requests = fc.sample(request, { numRuns: REQUESTS });
    const [viaNginx, viaNode] = await Promise.all([throughNginx.sendAll(requests), direct.sendAll(requests)]);
    const differences: string[] = [];
    const differ = (sent: string, ...what: unknown[]) =>
      differences.push([sent, ...what].map((one) => JSON.stringify(one)).join('\n'));
    const count = { foreign: 0, decided: 0, pages: 0, sentAlike: 0 };
    for (const [index, sent] of requests.entries()) {
      const seen = arrived(viaNginx[index]!);
      const alone = arrived(viaNode[index]!);
      if (!seen) {
        const { status, raw } = viaNginx[index]!;
        // nginx hangs up on hosts that are none of the site.
        if (status === 0 && isForeign(alone)) count.foreign += 1;
        // Otherwise it is neither a page from an empty memcached nor an error of nginx's own.
        else if (status !== 400 && status !== 405) differ(sent, raw.toString('latin1', 0, 300));
        continue;
      }
      count.decided += 1;
      const header = String(seen.headers['x-page-cache-key']);
      const nginxSays = header.startsWith('bypass') ? shown(header.split(' ').slice(1)) : header;
      if (nginxSays === keys.of({ method: 'GET', target: seen.url, headers: seen.headers }).key) count.pages += 1;
      if (nginxSays !== decision(seen)) differ(sent, nginxSays, decision(seen), seen);
      // What nginx adds, replaces and leaves out of the header must not have been what decided.
      if (!alone || alone.url !== seen.url || alone.headers.host !== seen.headers.host) continue;
      count.sentAlike += 1;
      if (nginxSays !== decision(alone)) differ(sent, nginxSays, decision(alone));
    }
    expect(differences.length, `seed ${SEED}\n${differences.slice(0, 5).join('\n\n')}`).toBe(0);
    expect(count.decided + count.foreign).toBeGreaterThan(REQUESTS * 0.5);
    expect(count.sentAlike).toBeGreaterThan(REQUESTS * 0.2);
    expect(count.pages).toBeGreaterThan(REQUESTS * 0.005);
  });
});
