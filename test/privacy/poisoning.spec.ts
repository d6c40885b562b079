import type { IncomingMessage } from 'node:http';
import { All, Controller, Header, type INestApplication, Req, type Type } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageCacheMatchers, RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field, HUNG_UP } from '../page/raw-pool.js';
import { type Platform, PLATFORMS } from '../support/applications.js';
import { patientlyRaw } from '../support/patience.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

/** Shows all that it is told, and knows the visitor by a cookie: the most careless application there is. */
function naiveController(platform: Platform): Type {
  @Controller()
  class NaiveController {
    @All(['/', platform === 'express' ? '*path' : '*'])
    @Header('content-type', 'text/html; charset=utf-8')
    echo(@Req() wrapped: IncomingMessage & { query: unknown; originalUrl: string }) {
      const { method, rawHeaders } = raw(wrapped);
      const { query, originalUrl: target } = wrapped;
      const fields = rawHeaders.map((text, index) => (index % 2 ? `${text}\n` : `${text}: `)).join('');
      return `<pre>${method} ${target} ${JSON.stringify(query)}\n${fields}</pre>`;
    }
  }
  return NaiveController;
}

/** Frameworks that let a client say what it asks for. Nest's own adapters do not. */
function obedient(app: INestApplication): void {
  app.use((request: IncomingMessage & { originalUrl?: string }, _: unknown, next: () => void) => {
    const { headers } = request;
    const url = headers['x-original-url'] ?? headers['x-rewrite-url'];
    if (typeof url === 'string') request.url = request.originalUrl = url;
    const method = headers['x-http-method-override'] ?? headers['x-http-method'] ?? headers['x-method-override'];
    if (typeof method === 'string') request.method = method;
    next();
  });
}

const CRLF = '\r\n';
const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: example.com', ...fields, CRLF].join(CRLF);

const SMUGGLED = get('/evil').replace('example.com', 'evil.example');

interface Attack {
  readonly name: string;
  /** One after the other, each on a connection of its own. Bytes of the attacker's say `evil`. */
  readonly requests: readonly string[];
  /** What nginx or Node itself may answer, or `undefined` when the application must have been asked. */
  readonly refused?: readonly number[];
}

/** The header fields by which something about the request can be claimed. */
const CLAIMS = [
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: evil',
  'X-Original-URL: /evil',
  'X-Rewrite-URL: /evil',
  'X-HTTP-Method-Override: EVIL',
  'X-HTTP-Method: EVIL',
  'X-Method-Override: EVIL',
  'X-Forwarded-Prefix: /evil',
  'Forwarded: for=evil;host=evil.example;proto=evil',
  'X-Forwarded-Port: 1337 evil',
  'X-Forwarded-Server: evil',
  'X-Host: evil.example',
  'X-Original-Host: evil.example',
  'X-Forwarded-Scheme: evil',
  'X-HTTP-Host-Override: evil',
  'X-Real-IP: evil',
  'X-Page-Cache-Key: page:evil',
  'X-Page-Cache-Key: bypass evil',
  'X-Forwarded-Ssl: evil',
  'x-forwarded-host: a\r\nX-FORWARDED-HOST: evil.example',
  'Connection: close, X-Page-Cache-Key, evil',
];

const ATTACKS: readonly Attack[] = [
  ...CLAIMS.map((claim) => ({ name: JSON.stringify(claim), requests: [get('/page', claim)] })),
  { name: 'Host of another site', requests: [get('/page').replace('example.com', 'evil.example')], refused: [0] },
  { name: 'Host with a port', requests: [get('/page').replace('example.com', 'example.com:31337')] },
  { name: 'Host in capitals, with a dot', requests: [get('/page').replace('example.com', 'EXAMPLE.COM.')] },
  { name: 'Host with a user', requests: [get('/page').replace('example.com', 'evil@example.com')], refused: [0, 400] },
  {
    name: 'Host with a path',
    requests: [get('/page').replace('example.com', 'example.com/evil')],
    refused: [0, 400],
  },
  { name: 'HTTP/1.0 without Host', requests: ['GET /page HTTP/1.0\r\n\r\n', 'GET /page HTTP/1.0\r\nX: y\r\n\r\n'] },
  { name: 'HTTP/1.1 without Host', requests: ['GET /page HTTP/1.1\r\n\r\n'], refused: [400] },
  { name: 'HTTP/0.9', requests: ['GET /page\r\n'], refused: [0, 400, 505] },

  { name: 'a cookie', requests: [get('/page', 'Cookie: theme=evil')] },
  { name: 'a cookie on a second line', requests: [get('/page', 'Cookie: _ga=1', 'Cookie: sid=evil')] },
  { name: 'a cookie behind an empty one', requests: [get('/page', 'Cookie:', 'Cookie: sid=evil')] },
  { name: 'Authorization', requests: [get('/page', 'Authorization: Basic evil')] },
  {
    name: 'Authorization behind an empty one',
    requests: [get('/page', 'Authorization:', 'Authorization: Basic evil')],
    refused: [400],
  },
  { name: 'a parameter', requests: [get('/page?evil=1'), get('/page?utm_source=x&evil')] },
  { name: 'an ignored parameter', requests: [get('/page?utm_source=evil'), get('/page?fbclid=evil&p=1')] },
  { name: 'an allowed parameter twice', requests: [get('/page?p=1&p=evil'), get('/page?p=evil&p=1')] },
  { name: 'an allowed parameter by another name', requests: [get('/page?P=evil'), get('/page?%70=evil')] },
  { name: 'a list as parameter', requests: [get('/page?p[]=evil'), get('/page?p[evil]=1'), get('/page?p%5B%5D=evil')] },
  { name: 'a parameter behind ";"', requests: [get('/page?utm_source=1;p=evil'), get('/page?;evil=1')] },
  {
    name: 'a flood of parameters',
    requests: [
      get(`/page?${Array.from({ length: 500 }, (_, n) => `evil${n}=${n}`).join('&')}`),
      get(`/page?${Array.from({ length: 400 }, (_, n) => `utm_${n}=evil`).join('&')}`),
      get(`/page?${'&'.repeat(3000)}evil`),
    ],
  },

  {
    name: 'a style sheet below the account',
    requests: ['/account/x.css', '/account/evil.css', '/account;x.css', '/account%00.css', '/account%3Fx.css'].map(
      (target) => get(target, 'Cookie: sid=evil'),
    ),
    refused: [400],
  },
  {
    name: 'an encoded way out of the account',
    requests: ['/account%2f..%2fpage', '/account/..%2fpage', '/account/%2e%2e/page', '/account/../page'].flatMap(
      (target) => [get(target), get(target, 'Cookie: sid=evil')],
    ),
  },
  {
    name: 'a letter of the path encoded',
    requests: ['/%70age', '/pag%65', '/%61dmin', '/admin%2Fx', '/%2561dmin'].map((target) => get(target)),
  },
  {
    name: 'slashes, doubled and encoded',
    requests: [
      '//page',
      '/page//',
      '///page',
      '/%2Fpage',
      '/page%2F',
      '/.//page',
      '/./page',
      '/x/../page',
      '/\\page',
    ].map((target) => get(target)),
  },
  { name: 'a slash at the end', requests: [get('/page/'), get('/page/?p=1')] },
  { name: '";" in the path', requests: [get('/page;jsessionid=evil'), get('/page;?p=1'), get('/;/page')] },
  {
    name: 'a target that is too long',
    requests: [get(`/${'evil'.repeat(70)}`), get(`/page?p=${'evil'.repeat(70)}`), get(`/${'evil'.repeat(4000)}`)],
    refused: [414],
  },
  { name: 'a fragment', requests: [get('/page#evil'), get('/page?p=1#evil'), get('/page?#evil'), get('/page%23evil')] },

  {
    name: 'line ends in the target',
    requests: [
      get('/page\r\nX-Evil: evil'),
      get('/page\nX-Evil: evil'),
      get('/page\revil'),
      get('/page\r\n evil'),
      get('/page?p=1\nevil'),
    ],
    refused: [400, 0, 505],
  },
  {
    name: 'encoded line ends',
    requests: [
      '%0d%0aset%20page:/page%200%200%204%0d%0aevil%0d%0a',
      '%0aevil',
      '%0D',
      '%00evil',
      '%E5%98%8D%E5%98%8Aevil',
    ].flatMap((odd) => [get(`/page${odd}`), get(`/page?p=${odd}`), get(`/page?utm_source=${odd}`)]),
    refused: [400],
  },
  {
    name: 'line ends in a header field',
    requests: [
      get('/page', 'Forwarded: a\r\n folded evil'),
      get('/page', 'Cookie: _ga=1\r\n\tsid=evil'),
      get('/page', 'Forwarded: a\nX-Forwarded-Host: evil.example'),
      get('/page', 'Forwarded: a\rX-Forwarded-Host: evil'),
      get('/page', 'Forwarded: a\rCookie: sid=evil'),
    ],
    refused: [400],
  },
  {
    name: 'an absolute target for another host',
    requests: [get('http://evil.example/page'), get('https://evil.example:80/page')],
    refused: [0],
  },
  {
    name: 'an absolute target, and another Host',
    requests: [get('http://example.com/page').replace('Host: example.com', 'Host: evil.example')],
  },
  {
    name: 'an absolute target with a port, a user, a query',
    requests: [
      get('http://example.com:31337/page'),
      get('http://evil@example.com/page'),
      get('http://example.com?evil'),
      get('http://example.com#evil'),
    ],
    refused: [400, 0],
  },

  {
    name: 'Host twice',
    requests: [get('/page', 'Host: evil.example'), get('/page', 'Host: example.com')],
    refused: [400],
  },
  {
    name: 'Content-Length twice',
    requests: [get('/page', 'Content-Length: 0', 'Content-Length: 4') + 'evil'],
    refused: [400],
  },
  { name: 'HEAD first', requests: [get('/page').replace('GET', 'HEAD')] },
  {
    name: 'Range first',
    requests: [get('/page', 'Range: bytes=0-3'), get('/page', 'Range: bytes=5-', 'If-Range: "x"')],
  },
  {
    name: 'a conditional request first',
    requests: [
      get('/page', 'If-None-Match: *'),
      get('/page', 'If-None-Match: "evil"'),
      get('/page', 'If-Modified-Since: Fri, 20 Nov 2099 12:00:00 GMT'),
      get('/page', 'If-Match: "evil"'),
      get('/page', 'If-Unmodified-Since: Fri, 20 Nov 1999 12:00:00 GMT'),
    ],
    refused: [412],
  },
  {
    name: 'a GET with content',
    requests: [
      get('/page', 'Content-Length: 4') + 'evil',
      get('/page', 'Transfer-Encoding: chunked') + '4\r\nevil\r\n0\r\n\r\n',
      get('/page', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 6') + 'p=evil',
    ],
  },
  {
    name: 'another method',
    requests: ['POST', 'PUT', 'OPTIONS', 'EVIL', 'get', 'TRACE', 'PURGE', 'GETevil'].map((method) =>
      get('/page').replace('GET', method),
    ),
    refused: [400, 401, 404, 405, 501],
  },
  {
    name: 'Content-Length and Transfer-Encoding (CL.TE)',
    requests: [
      get('/page', 'Content-Length: 6', 'Transfer-Encoding: chunked') + '0\r\n\r\nGET /evil HTTP/1.1\r\nX: ',
      get('/page', 'Transfer-Encoding: chunked', 'Content-Length: 4') + '5c\r\nGET /evil HTTP/1.1\r\n0\r\n\r\n',
    ],
    refused: [400],
  },
  {
    name: 'a Transfer-Encoding that one might overlook (TE.CL, TE.TE)',
    requests: [
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding:\x0bchunked',
      'X: x\nTransfer-Encoding: chunked',
      'Transfer-Encoding\r\n : chunked',
    ].map(
      (field_) => get('/page', 'Content-Length: 4', field_) + '1e\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n0\r\n\r\n',
    ),
    refused: [400, 501],
  },
  {
    name: 'a second request in the content',
    requests: [get('/page', `Content-Length: ${SMUGGLED.length}`) + SMUGGLED],
  },
  { name: 'Upgrade', requests: [get('/page', 'Upgrade: evil', 'Connection: Upgrade, evil')] },
];

/** What visitors ask for. */
const INNOCENT = ['/page', '/', '/page?p=1', '/account', '/account/x.css', '/admin', '/evil'];

describe.each(PLATFORMS)('a careless application on %s is not poisoned by', (platform) => {
  let site: Site;
  const pages = new Map<string, string>();

  const send = async (request: string): Promise<RawResponse> => {
    await using client = new RawClient(site.nginx.port);
    return client.send(request).catch(() => HUNG_UP);
  };
  const visit = (target: string) => patientlyRaw(() => send(get(target)));

  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [naiveController(platform)],
      prepare: obedient,
      options: {
        hosts: ['example.com', 'www.example.com'],
        query: { allow: ['p'] },
        exclude: ['/admin/*'],
        compress: false,
        // It copies all that it is told, and only then are its pages stored.
        requestFields: { pass: 'key' },
        remotePurge: { token: '0123456789abcdef' },
      },
    });
    for (const target of INNOCENT) pages.set(target, (await visit(target)).body.toString('latin1'));
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it.each(ATTACKS)('$name', async ({ requests, refused = [] }) => {
    for (const request of requests) {
      const { status } = await send(request);
      expect([200, 201, 206, ...refused], JSON.stringify(request.slice(0, 200))).toContain(status);
    }
    // Twice: as it is stored now, and from the cache.
    for (const round of [1, 2]) {
      for (const target of INNOCENT) {
        const answer = await visit(target);
        expect(answer.body.toString('latin1'), `visit ${round} of ${target}`).toBe(pages.get(target));
        if (target === '/page' && round === 1) await site.log.outcome(target);
      }
    }
    expect(await visit('/page')).toBePageCacheHit();
    for (const key of await site.memcached.keys()) {
      const value = await site.memcached.send(`get ${key}`);
      if (!key.includes('evil')) expect(value, key).not.toMatch(/evil|1337/i);
      expect(key).not.toMatch(/admin/);
    }
    // Nothing has been left behind on the connections to the application either.
    const after = await Promise.all(Array.from({ length: 8 }, (_, n) => visit(`/after?other=${n}`)));
    for (const [n, answer] of after.entries()) expect(answer.body.toString()).toContain(`GET /after?other=${n} `);
  });

  it('bytes that look like memcached', async () => {
    for (const word of ['END', 'VALUE x 0 5', 'STORED', 'set page:/page 0 0 4']) {
      await visit(`/${encodeURIComponent(word)}`);
    }
    expect((await visit('/page')).body.toString('latin1')).toBe(pages.get('/page'));
  });

  it('a header field that nobody has thought of', async () => {
    const first = await patientlyRaw(() => send(get('/open', 'X-Theme: mine')));
    expect(first.body.toString()).not.toContain('mine');
    await site.log.outcome('/open');
    expect((await visit('/open')).body.toString()).not.toContain('mine');
    expect(field(await visit('/open'), 'cache-status')).toBe('nginx; hit');
  });
});
