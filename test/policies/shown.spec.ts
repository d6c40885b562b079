import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Header, type INestApplication, Req, Res } from '@nestjs/common';
import helmetOfFastify from '@fastify/helmet';
import helmet from 'helmet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, type NginxCacheOptions } from '../../lib/index.js';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { fate } from '../support/fate.js';
import { FLAVOURS, type FlavourUnderTest, startFlavour } from '../support/flavours.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

interface Reply {
  header(name: string, value: string): Reply;
  send(body: string): void;
}

/** One field of a response, as a handler sets it. */
const SHOWN: Record<string, readonly [name: string, value: string, outcome: string]> = {
  csp: ['Content-Security-Policy', "script-src 'nonce-abc'", 'nonce'],
  'csp-report': ['content-security-policy-report-only', "script-src 'self' 'NONCE-abc'", 'nonce'],
  'csp-plain': ['Content-Security-Policy', "script-src 'self'", 'stored'],
  csrf: ['X-CSRF-Token', 'abc', 'csrf-token'],
  xsrf: ['XSRF-TOKEN', 'abc', 'csrf-token'],
  'csrf-rails': ['x-csrftoken', 'abc', 'csrf-token'],
  id: ['X-Request-Id', 'abc', 'stored'],
};

@Controller()
class ShowingController {
  @Get('field/:name')
  field(@Req() request: { params: { name: string } }, @Res() reply: Reply) {
    const [name, value] = SHOWN[request.params.name]!;
    reply.header('content-type', HTML).header(name, value).send('x');
  }

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return 'x';
  }

  /** As those do who have no other way to make absolute links. */
  @Get('links')
  @Header('content-type', HTML)
  links(@Req() request: IncomingMessage) {
    return `<script src="http://${raw(request).headers.host}/app.js"></script>`;
  }

  @Get('escaped')
  @Header('content-type', HTML)
  escaped(@Req() request: IncomingMessage) {
    return `<script>config = {"base":"http:\\/\\/${raw(request).headers.host}"}</script>`;
  }

  @Get('link-field')
  linkField(@Req() request: IncomingMessage, @Res() reply: Reply) {
    reply
      .header('content-type', HTML)
      .header('Link', `<https://${raw(request).headers.host}/a.css>; rel=preload`)
      .send('x');
  }

  @Get('forwarded')
  @Header('content-type', HTML)
  forwarded(@Req() request: IncomingMessage) {
    return `<link href="https://${String(raw(request).headers['x-forwarded-host'])}/">`;
  }

  @Get('prose')
  @Header('content-type', HTML)
  prose() {
    return 'On your own machine, localhost and 127.0.0.1 are the same.';
  }
}

const srcache = FLAVOURS.find(({ name }) => name === 'srcache') as FlavourUnderTest;
const memory = FLAVOURS.find(({ flavour }) => flavour === undefined) as FlavourUnderTest;

async function visit(site: Site, host: string, target: string, more = ''): Promise<string> {
  for (;;) {
    site.log.forget();
    await using client = new RawClient(site.nginx.port);
    const answer = await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
    const status = field(answer, 'cache-status') ?? String(answer.status);
    if (status === 'nginx; hit') return `hit ${answer.body.toString()}`;
    const outcome = status.includes('fwd=miss') ? await site.log.outcome(target) : status;
    if (!/store-down|purges-unknown/.test(outcome)) return outcome;
  }
}

describe.each(PLATFORMS)('what a response shows, on %s', (platform) => {
  it.each([srcache, memory])('decides whether it is stored ($name)', async (flavour) => {
    await using site = await startFlavour(flavour, platform, {}, { controllers: [ShowingController] });
    for (const [name, [, , expected]] of Object.entries(SHOWN)) {
      const { outcome } = await site.twice(`/field/${name}`);
      expect([name, outcome]).toEqual([name, expected]);
    }
  });

  it('with a nonce of helmet is not stored', async () => {
    await using site = await startSite({
      platform,
      controllers: [ShowingController],
      options: { nginx: { flavour: 'srcache' } },
      prepare: (app) => useHelmet(app, platform),
    });
    for (let round = 0; round < 2; round += 1) expect(await fate(site, '/page')).toBe('nonce');
  });

  it('with the origin of its visitor is not stored, even if Vary: Origin is excused', async () => {
    const options: NginxCacheOptions = { nginx: { flavour: 'srcache' }, excuseVary: ['Origin'] };
    await using site = await startSite({
      platform,
      controllers: [ShowingController],
      options,
      prepare: (app) => app.enableCors({ origin: true, credentials: true }),
    });
    expect(await fate(site, '/page', { origin: 'https://evil.example' })).toBe('allow-origin');
    expect((await site.get('/page')).headers.get('access-control-allow-origin')).not.toBe('https://evil.example');
  });

  it('of one response alone is not stored with the page', async () => {
    const prepare = (app: INestApplication) => {
      app.use((_: IncomingMessage, response: ServerResponse, next: () => void) => {
        const names = ['X-Request-Id', 'X-Correlation-Id', 'RateLimit', 'X-RateLimit-Remaining-short', 'traceparent'];
        for (const name of names) response.setHeader(name, randomUUID());
        response.setHeader('X-Kept', 'yes');
        next();
      });
    };
    const controllers = [ShowingController];
    await using site = await startSite({ platform, controllers, options: { nginx: { flavour: 'srcache' } }, prepare });
    expect(await fate(site, '/page')).toBe('stored');
    const hit = await site.get('/page');
    expect(hit.status).toBe('nginx; hit');
    expect([...hit.headers.keys()].filter((name) => /^x-(?!powered)|rate|trace/.test(name))).toEqual(['x-kept']);

    const { app, url } = await startApplication({ platform, controllers, prepare, providers: [PageLog] });
    await using _ = { [Symbol.asyncDispose]: () => app.close() };
    const first = await fetch(`${url}/page`);
    await app.get(PageLog).outcome('/page');
    const second = await fetch(`${url}/page`);
    expect(second.headers.get('cache-status')).toBe('nestjs-nginx-cache; hit');
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  });

  describe('of the host that its visitor has named', () => {
    let site: Site;
    beforeAll(async () => {
      // That the handler reads it would be a reason by itself.
      const requestFields = { ignore: ['Host', 'X-Forwarded-Host'] };
      const options: NginxCacheOptions = { nginx: { flavour: 'srcache' }, requestFields };
      site = await startSite({ platform, controllers: [ShowingController], options, logger: false });
    });
    afterAll(() => site?.stop());
    beforeEach(() => site.memcached.flush());

    it.each(['/links', '/escaped', '/link-field', '/forwarded'])('is not stored without hosts: %s', async (target) => {
      for (const host of ['evil.example', 'EVIL.example:8080', 'localhost', 'localhost:3000', '127.0.0.1:1']) {
        expect(await visit(site, host, target)).toBe('host-in-page');
      }
      expect(await visit(site, 'example.com', target)).toBe('host-in-page');
    });

    it.each(['/prose', '/page'])('is stored where it only happens to be there: %s', async (target) => {
      expect(await visit(site, 'localhost:3000', target)).toBe('stored');
      expect(await visit(site, '127.0.0.1', target)).toMatch(/^hit/);
    });

    it('never gets as far as that when it is no host', async () => {
      for (const host of ['evil.example"><script>', "a'b", 'a b', 'a&b', 'a,b', 'a%41', '[::1', 'a:b']) {
        await using client = new RawClient(site.nginx.port);
        const answer = await client.send(`GET /links HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        expect([host, answer.status]).toEqual([host, 400]);
      }
      expect(await site.memcached.keys()).toEqual([]);
    });
  });

  it('of the host is stored where it is that of the origin', async () => {
    const options: NginxCacheOptions = { nginx: { flavour: 'srcache' }, origin: 'https://example.com' };
    await using site = await startSite({ platform, controllers: [ShowingController], options, logger: false });
    expect(await visit(site, 'evil.example', '/links')).toBe('reads-host');
    expect(await visit(site, 'example.com:81', '/links')).toBe('reads-host');
    expect(await visit(site, 'example.com', '/links')).toBe('stored');
    expect(await visit(site, 'evil.example', '/links')).toBe('hit <script src="http://example.com/app.js"></script>');
  });

  it('of the host is stored for each of the hosts', async () => {
    const options: NginxCacheOptions = { nginx: { flavour: 'srcache' }, hosts: ['a.example', 'b.example'] };
    await using site = await startSite({ platform, controllers: [ShowingController], options });
    for (const host of ['a.example', 'b.example']) {
      expect(await visit(site, host, '/links')).toBe('stored');
      expect(await visit(site, host, '/links')).toBe(`hit <script src="http://${host}/app.js"></script>`);
    }
  });

  it('of a host that is none is not stored without nginx either', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers: [ShowingController],
      options: { store: memoryStore() },
    });
    await using _ = { [Symbol.asyncDispose]: () => app.close() };
    await using client = new RawClient(Number(new URL(url).port));
    const answer = await client.send(`GET /page HTTP/1.1\r\nHost: a"b\r\n\r\n`);
    expect(field(answer, 'cache-status')).toBe('nestjs-nginx-cache; fwd=bypass; detail=host-field');
  });
});

async function useHelmet(app: INestApplication, platform: Platform): Promise<void> {
  if (platform === 'fastify') {
    const { register } = app as unknown as { register(plugin: unknown, options: object): Promise<void> };
    await register.call(app, helmetOfFastify, { enableCSPNonces: true });
    return;
  }
  app.use((_: unknown, response: ServerResponse, next: () => void) => {
    Object.assign(response, { nonce: randomBytes(16).toString('hex') });
    next();
  });
  const nonce = (_: unknown, response: unknown) => `'nonce-${(response as { nonce: string }).nonce}'`;
  app.use(helmet({ contentSecurityPolicy: { directives: { scriptSrc: ["'self'", nonce] } } }));
}
