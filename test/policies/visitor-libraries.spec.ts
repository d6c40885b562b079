import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, type INestApplication, Req } from '@nestjs/common';
import { auth, type RequestContext } from 'express-openid-connect';
import jwt from 'jsonwebtoken';
import Keycloak from 'keycloak-connect';
import { describe, expect, it } from 'vitest';
import { fate } from '../support/fate.js';
import { startSite } from '../support/site.js';

const SECRET = 'a secret of at least thirty-two characters';
const ISSUER = 'https://login.example';

type Asked = IncomingMessage & { oidc?: RequestContext; kauth?: { grant?: { access_token: Claims } } };
interface Claims {
  content: { sub: string };
}

@Controller()
class AccountController {
  @Get('account')
  @Header('content-type', 'text/html; charset=utf-8')
  account(@Req() { oidc, kauth }: Asked) {
    const name = (oidc?.user?.['sub'] as string | undefined) ?? kauth?.grant?.access_token.content.sub;
    return `account of ${name ?? 'nobody'}`;
  }
}

/** What express-openid-connect keeps of a visitor in its cookie; only a provider could make the library write it. */
function sessionOf(name: string): string {
  const require = createRequire(import.meta.url);
  const { encryptSync, getKeyStore } = require('express-openid-connect/lib/crypto.js') as {
    encryptSync(text: string, key: Buffer, header: object): string;
    getKeyStore(secret: string, forEncryption: true): [Buffer];
  };
  const now = Math.floor(Date.now() / 1000);
  const session = { id_token: jwt.sign({ sub: name, iss: ISSUER }, SECRET) };
  return encryptSync(JSON.stringify(session), getKeyStore(SECRET, true)[0], { iat: now, uat: now, exp: now + 3600 });
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function tokenOf(name: string): string {
  const claims = { sub: name, iss: `${ISSUER}/realms/pages`, typ: 'Bearer', azp: 'app' };
  return jwt.sign(claims, privateKey, { algorithm: 'RS256', expiresIn: 3600 });
}

type Next = (error?: unknown) => void;

/** Cookies and credentials never get as far as a page. These come in a field that nobody knows, and the application puts them in place. */
function fromField(name: 'cookie' | 'authorization', before: string) {
  return ({ headers }: IncomingMessage, _response: unknown, next: Next) => {
    const session = headers['x-session'];
    if (typeof session === 'string') headers[name] = before + session;
    next();
  };
}

const LIBRARIES: [name: string, detail: string, visitor: string, prepare: (app: INestApplication) => void][] = [
  [
    'express-openid-connect',
    'oidc',
    sessionOf('alice'),
    (app) => {
      const config = { baseURL: 'https://example.com', clientID: 'app', issuerBaseURL: ISSUER, secret: SECRET };
      app.use(fromField('cookie', 'appSession='), auth({ ...config, authRequired: false }));
    },
  ],
  [
    'keycloak-connect',
    'kauth',
    tokenOf('alice'),
    (app) => {
      const config = {
        realm: 'pages',
        resource: 'app',
        'auth-server-url': ISSUER,
        'realm-public-key': publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        'bearer-only': true,
        'ssl-required': 'external',
        'confidential-port': 0,
      };
      app.use(fromField('authorization', 'Bearer '), ...new Keycloak({}, config).middleware());
    },
  ],
];

// Both are made for Express alone: they call `req.get()` and `req.query`, which middleware on Fastify does not have.
describe.each(LIBRARIES)('%s on express', (_, detail, visitor, prepare) => {
  it('tells who the visitor is: the page is nobody else’s', async () => {
    const options = { requestFields: { ignore: ['X-Session'] } };
    await using site = await startSite({ platform: 'express', controllers: [AccountController], prepare, options });
    const alice = { 'x-session': visitor };
    const own = await site.get('/account', { headers: alice });
    expect([own.status, own.body.toString()]).toEqual([
      `nestjs-nginx-cache; fwd=bypass; detail=${detail}`,
      'account of alice',
    ]);
    expect(await site.memcached.keys()).toEqual([]);
    // What it leaves on everybody's request is no reason.
    expect(await fate(site, '/account')).toBe('stored');
    const stranger = await site.get('/account');
    expect([stranger.status, stranger.body.toString()]).toEqual(['nginx; hit', 'account of nobody']);
  });
});
