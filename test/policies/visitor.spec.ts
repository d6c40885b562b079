import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RequestOptions, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { Controller, Get, Header, type INestApplication, Req } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { expressjwt } from 'express-jwt';
import passport from 'passport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NginxCacheModule } from '../../lib/index.js';
import { type Platform, PLATFORMS } from '../support/applications.js';
import { selfSigned } from '../support/certificate.js';
import { fate } from '../support/fate.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const SECRET = 'not so secret';

type Request = IncomingMessage & Record<string, unknown> & { originalUrl?: string };
type Next = (error?: unknown) => void;

/** Reads a field that no list of dangerous fields has. */
const byField: passport.Strategy = {
  name: 'field',
  authenticate({ headers }) {
    const name = headers['x-visitor'];
    if (typeof name === 'string') this.success({ name });
    else this.pass();
  },
};

/** What libraries leave on a request: for everybody, and for somebody. */
const LEFT: Record<string, readonly [everybody: unknown, somebody: unknown]> = {
  user: [undefined, { id: 7 }],
  authInfo: [null, { scope: 'all' }],
  account: [false, { id: 7 }],
  auth: ['', { sub: 'alice' }],
  ntlm: [undefined, { UserName: 'alice' }],
  sso: [undefined, { user: {} }],
  oidc: [{ isAuthenticated: () => false }, { isAuthenticated: () => true }],
  kauth: [{}, { grant: {} }],
  session: [{ cookie: {} }, { cookie: {}, cart: [] }],
  // @fastify/secure-session.
  session_data: [secureSession({}), secureSession({ cart: [] })],
};

/** Of a key of `LEFT`. */
const propertyOf = (name: string) => name.replace(/_.*/, '');

function secureSession(data: object): object {
  return { changed: false, deleted: false, data: () => data };
}

/** As middleware does it, or as a handler that finds out by itself. */
function leave(request: Request, target: string): void {
  const [, name = '', who] = /^\/left\/(?:early|late)\/(\w+)\/(\w+)/.exec(target) ?? [];
  const left = LEFT[name];
  if (left) Object.assign(request, { [propertyOf(name)]: left[who === 'somebody' ? 1 : 0] });
}

@Controller()
class AccountController {
  @Get(['account', 'jwt', 'property/:any'])
  @Header('content-type', HTML)
  account(@Req() wrapped: Request) {
    const request = raw(wrapped as never) as Request;
    const { account, auth, whoever } = request as { account?: object; auth?: object; whoever?: object };
    return `account of ${JSON.stringify(account ?? auth ?? whoever ?? 'nobody')}`;
  }

  @Get('left/early/:name/:who')
  @Header('content-type', HTML)
  early() {
    return 'x';
  }

  @Get('left/late/:name/:who')
  @Header('content-type', HTML)
  late(@Req() request: Request) {
    leave(request, raw(request as never as IncomingMessage).url ?? '');
    return 'x';
  }
}

/** Two applications of passport: one gives the user another name, one names the property anew for each strategy. */
function middleware(app: INestApplication): void {
  const authenticator = new passport.Passport();
  authenticator.use(byField);
  const initialize = authenticator.initialize({ userProperty: 'whoever' });
  const assign = authenticator.authenticate('field', { assignProperty: 'account' }) as Handler;
  const login = authenticator.authenticate('field', { session: false }) as Handler;
  const bearer = expressjwt({
    secret: SECRET,
    algorithms: ['HS256'],
    credentialsRequired: false,
    getToken: ({ headers }) => headers['x-visitor'] as string | undefined,
  }) as never as Handler;
  app.use((request: Request, response: ServerResponse, next: Next) => {
    const target = request.originalUrl ?? request.url ?? '';
    if (target === '/account') assign(request, response, next);
    else if (target === '/jwt') bearer(request, response, next);
    else if (target.startsWith('/property'))
      (initialize as unknown as Handler)(request, response, () => login(request, response, next));
    else {
      if (target.startsWith('/left/early')) leave(request, target);
      next();
    }
  });
}

/** A JSON Web Token (RFC 7519). */
function signed(claims: object): string {
  const [header, payload] = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${header}.${payload}.${createHmac('sha256', SECRET).update(`${header}.${payload}`).digest('base64url')}`;
}

type Handler = (request: Request, response: ServerResponse, next: Next) => void;

describe.each(PLATFORMS)('who the visitor is, on %s', (platform) => {
  describe('by what libraries leave on the request', () => {
    let site: Site;
    beforeAll(async () => {
      site = await startSite({ platform, controllers: [AccountController], prepare: middleware });
    });
    afterAll(() => site?.stop());

    const token = signed({ sub: 'alice' });
    it.each([
      ['passport with assignProperty', '/account', 'alice', 'account'],
      ['passport with userProperty', '/property/1', 'alice', 'user'],
      ['express-jwt', '/jwt', token, 'auth'],
    ])('%s: a page of one visitor is nobody else’s', async (_, target, visitor, reason) => {
      const alice = { 'x-visitor': visitor };
      const own = await site.get(target, { headers: alice });
      expect(own.body.toString()).toContain('alice');
      expect(await fate(site, target, alice)).toBe(reason);
      expect((await site.get(target)).body.toString()).toBe('account of "nobody"');
    });

    it.each(Object.keys(LEFT))('%s, by middleware: neither stored nor given a stored page', async (name) => {
      const [everybody, somebody] = ['everybody', 'somebody'].map((who) => `/left/early/${name}/${who}`) as [
        string,
        string,
      ];
      expect(await fate(site, everybody)).toBe('stored');
      const { status } = await site.direct(somebody);
      expect(status).toBe(`nestjs-nginx-cache; fwd=bypass; detail=${propertyOf(name)}`);
      expect(await fate(site, somebody)).toBe(propertyOf(name));
    });

    it.each(Object.keys(LEFT))('%s, by the handler itself: not stored', async (name) => {
      expect(await fate(site, `/left/late/${name}/everybody`)).toBe('stored');
      expect(await fate(site, `/left/late/${name}/somebody`)).toBe(propertyOf(name));
    });
  });

  it('keeps the page out of the cache even where everybody counts as anonymous', async () => {
    const options = { anonymousOnly: false };
    await using site = await startSite({ platform, controllers: [AccountController], prepare: middleware, options });
    expect(await fate(site, '/left/early/user/somebody')).toBe('user');
    expect(await fate(site, '/left/late/session/somebody')).toBe('session');
  });

  it.each(['hello', 'authorized'])('by a certificate: neither stored nor given a stored page (%s)', async (page) => {
    const alice = selfSigned('alice');
    const server = selfSigned('localhost');
    const url = await startTls(platform, {
      key: server.key,
      cert: server.certificate,
      ca: [alice.certificate],
      requestCert: true,
      rejectUnauthorized: false,
    });
    await using _ = { [Symbol.asyncDispose]: () => url.app.close() };
    const trust = { ca: server.certificate, agent: false };
    const own = { ...trust, key: alice.key, cert: alice.certificate, path: `/${page}` };
    const ofNobody = { ...trust, path: `/${page}` };
    const known = ['hello alice', expect.stringContaining('detail=client-certificate')];
    expect(await getTls(url.port, own)).toEqual(known);
    // Whoever has none gets a page that was made by looking for one.
    const looked = 'nestjs-nginx-cache; fwd=miss; detail=reads-client-certificate';
    for (const _visit of [1, 2]) expect(await getTls(url.port, ofNobody)).toEqual(['hello nobody', looked]);
    expect(await getTls(url.port, own)).toEqual(known);
  });
});

@Controller()
class CertificateController {
  @Get('hello')
  @Header('content-type', HTML)
  hello(@Req() request: IncomingMessage) {
    const socket = raw(request).socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } };
    return `hello ${socket.getPeerCertificate().subject?.CN ?? 'nobody'}`;
  }

  @Get('authorized')
  @Header('content-type', HTML)
  authorized(@Req() request: IncomingMessage) {
    return `hello ${(raw(request).socket as TLSSocket).authorized ? 'alice' : 'nobody'}`;
  }
}

async function startTls(platform: Platform, https: Record<string, unknown>) {
  const controllers: Type[] = [CertificateController];
  const module = await Test.createTestingModule({ imports: [NginxCacheModule.forRoot()], controllers }).compile();
  const options = { logger: ['error' as const] };
  const app =
    platform === 'express'
      ? module.createNestApplication(new ExpressAdapter(), { ...options, httpsOptions: https })
      : module.createNestApplication(new FastifyAdapter({ https }), options);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, port };
}

async function getTls(port: number, options: RequestOptions): Promise<[body: string, status: string]> {
  const sent = httpsRequest({ ...options, host: '127.0.0.1', servername: 'localhost', port }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return [await text(answer), String(answer.headers['cache-status'])];
}
