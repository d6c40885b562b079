import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { expressjwt } from 'express-jwt';
import jwt from 'jsonwebtoken';
import { AcceptLanguageResolver, I18n, I18nContext, I18nModule } from 'nestjs-i18n';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
const SECRET = 'a secret of at least thirty-two characters';
const token = (sub: string) => jwt.sign({ sub }, SECRET);

type Asked = IncomingMessage & { auth?: { sub?: string }; raw?: Asked };

@Controller()
class VisitorsController {
  @Get('i18n')
  @Header('content-type', HTML)
  greet(@I18n() i18n: I18nContext) {
    return `<p>${i18n.t('greeting.hello')}</p>`;
  }

  @Get('account')
  @Header('content-type', HTML)
  account(@Req() request: Asked) {
    return `<p>account of ${(request.raw ?? request).auth?.sub ?? 'nobody'}</p>`;
  }

  @Get('field/:name')
  @Header('content-type', HTML)
  field(@Req() request: Asked & { params: { name: string } }) {
    return `<p>${String(request.headers[request.params.name] ?? 'nothing')}</p>`;
  }

  @Get('cookies')
  @Header('content-type', HTML)
  cookies(@Req() { headers }: Asked) {
    return `<p>${headers.cookie ?? 'no cookie'}</p>`;
  }
}

/** What the first visitor sends, and what must not be stored of it. */
const ROWS: [name: string, target: string, fields: Record<string, string>, secret: string][] = [
  ['AcceptLanguageResolver of nestjs-i18n', '/i18n', { 'accept-language': 'de' }, 'Hallo'],
  ['express-jwt with a token in X-Session', '/account', { 'x-session': token('alice') }, 'alice'],
  ['X-Api-Key', '/field/x-api-key', { 'x-api-key': 'alice' }, 'alice'],
  ['X-Access-Token', '/field/x-access-token', { 'x-access-token': 'alice' }, 'alice'],
  ['Remote-User', '/field/remote-user', { 'remote-user': 'alice' }, 'alice'],
  ['X-Auth-Request-Email', '/field/x-auth-request-email', { 'x-auth-request-email': 'alice' }, 'alice'],
  ['X-SSL-Client-S-DN', '/field/x-ssl-client-s-dn', { 'x-ssl-client-s-dn': 'CN=alice' }, 'alice'],
  ['X-Tenant-Id', '/field/x-tenant-id', { 'x-tenant-id': 'acme' }, 'acme'],
  ['HX-Request', '/field/hx-request', { 'hx-request': 'true' }, 'true'],
  ['Turbo-Frame', '/field/turbo-frame', { 'turbo-frame': 'part' }, 'part'],
  ['X-PJAX', '/field/x-pjax', { 'x-pjax': 'true' }, 'true'],
  ['X-Inertia', '/field/x-inertia', { 'x-inertia': 'true' }, 'true'],
  ['RSC', '/field/rsc', { rsc: '1' }, '<p>1</p>'],
  ['X-Requested-With', '/field/x-requested-with', { 'x-requested-with': 'XMLHttpRequest' }, 'XMLHttpRequest'],
  ['Accept without Vary', '/field/accept', { accept: 'application/json' }, 'json'],
  ['User-Agent', '/field/user-agent', { 'user-agent': 'Googlebot' }, 'Googlebot'],
  ['CookieConsent', '/cookies', { cookie: 'CookieConsent=yes' }, 'CookieConsent'],
  ['a cookie that is ignored', '/cookies', { cookie: '_ga=alice' }, 'alice'],
];

describe.each(PLATFORMS)('what real libraries make of a visitor, on %s', (platform) => {
  let site: Site;
  const languages = mkdtempSync(join(tmpdir(), 'i18n-'));
  beforeAll(async () => {
    for (const [language, hello] of Object.entries({ en: 'Hello', de: 'Hallo' })) {
      mkdirSync(join(languages, language));
      writeFileSync(join(languages, language, 'greeting.json'), JSON.stringify({ hello }));
    }
    site = await startSite({
      platform,
      logger: false,
      controllers: [VisitorsController],
      imports: [
        I18nModule.forRoot({
          fallbackLanguage: 'en',
          loaderOptions: { path: languages },
          resolvers: [AcceptLanguageResolver],
        }),
      ],
      prepare: (app) => {
        const authenticate = expressjwt({
          secret: SECRET,
          algorithms: ['HS256'],
          credentialsRequired: false,
          getToken: ({ headers }) => headers['x-session'] as string | undefined,
        });
        app.use('/account', authenticate as never);
      },
    });
  });
  afterAll(async () => {
    await site?.stop();
    rmSync(languages, { recursive: true });
  });

  it.each(ROWS)('is not for others: %s', async (_, target, headers, secret) => {
    await site.memcached.flush();
    const first = await site.get(target, { headers });
    expect(first.code).toBe(200);
    // An ignored cookie does not get as far as a page.
    expect(first.body.toString().includes(secret)).toBe(headers['cookie'] !== '_ga=alice');
    const second = await site.get(target);
    expect(second.body.toString()).not.toContain(secret);
    // Nor is what others get for those who are somebody.
    const third = await site.get(target, { headers });
    expect(third.body.toString()).toBe(first.body.toString());
  });
});
