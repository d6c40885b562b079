import { rmSync } from 'node:fs';
import {
  Controller,
  Get,
  Header,
  Injectable,
  Next,
  Query,
  Redirect,
  Req,
  Res,
  Sse,
  UseGuards,
  VersioningType,
  Version,
  type CanActivate,
} from '@nestjs/common';
import { EMPTY } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CurrentPage,
  fileStore,
  type NginxCacheOptions,
  NoPageCache,
  OnPageCache,
  PageCache,
  PageCacheService,
  type PageDraft,
  pageFragment,
  PageFragment,
  PageRendered,
} from '../../../lib/index.js';
import type { Site as OpenSite } from '../../../lib/operations/site.js';
import { why, type Why } from '../../../lib/operations/why/why.js';
import type { CheckedOptions } from '../../../lib/options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../../../lib/options/tokens.js';
import { REASONS, reasonOf } from '../../../lib/reasons/reasons.js';
import type { ApplicationSetup } from '../../support/applications.js';
import { temporaryRoot } from '../../support/files-site.js';
import { type Site, startSite } from '../../support/site.js';

const HTML = 'text/html; charset=utf-8';
const TOKEN = 'a-token-of-forty-characters-in-this-test';

class Everybody implements CanActivate {
  canActivate = () => true;
}

interface Reply {
  status(code: number): Reply;
  type(type: string): Reply;
  set(name: string, value: string): Reply;
  send(text: string): void;
  write(text: string): void;
  end(text?: string): void;
}

/** What libraries leave on the request of a visitor whom they know. */
const LEFT: Readonly<Record<string, unknown>> = {
  user: { id: 7 },
  account: { id: 7 },
  auth: { sub: 'alice' },
  authInfo: { scope: 'all' },
  oidc: { isAuthenticated: () => true },
  kauth: { grant: {} },
  ntlm: { UserName: 'alice' },
  sso: { user: {} },
  session: { cookie: {}, cart: [] },
};

@Controller()
class ReasonsController {
  @Get(['page', 'admin/users', 'shared/page', 'outside', 'a/*path'])
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }

  /** A field that keeps its page out. */
  @Get(['with', 'shared/with'])
  with(@Query('name') name: string, @Query('value') value: string, @Res() reply: Reply) {
    reply.type(HTML).set(name, value).send('<p>');
  }

  @Get('left')
  @Header('content-type', HTML)
  left(@Req() request: object, @Query('name') name: string) {
    Object.assign(request, { [name]: LEFT[name] });
    return '<p>';
  }

  @Get('status')
  status(@Res() reply: Reply) {
    reply.status(404).type(HTML).send('<p>');
  }

  @Get('json')
  json() {
    return { a: 1 };
  }

  @Get('empty')
  @Header('content-type', HTML)
  empty() {
    return '';
  }

  @Get('large')
  @Header('content-type', HTML)
  large() {
    return 'x'.repeat(20_000);
  }

  @Get('agent')
  @Header('content-type', HTML)
  agent(@Req() request: { headers: Record<string, string> }) {
    return `<p>${request.headers['user-agent']}`;
  }

  @Get('draft')
  @Header('content-type', HTML)
  draft(@CurrentPage() page: PageDraft) {
    page.skip('draft');
    return '<p>';
  }

  @Get('anonymous')
  @Header('content-type', HTML)
  anonymous() {
    return '<p>';
  }

  @Get('guarded')
  @UseGuards(Everybody)
  @Header('content-type', HTML)
  guarded() {
    return '<p>';
  }

  @Get('never')
  @NoPageCache()
  never() {
    return '<p>';
  }

  @Get('handed-on')
  handedOn(@Next() next: () => void) {
    next();
  }

  @Get('handed-on')
  @Header('content-type', HTML)
  taken() {
    return '<p>';
  }

  @Get('if')
  @PageCache({ skipIf: () => true })
  @Header('content-type', HTML)
  if() {
    return '<p>';
  }

  @Get('away')
  @Redirect('/page')
  away() {}

  @Sse('events')
  events() {
    return EMPTY;
  }

  @Get('fragment')
  @Header('content-type', HTML)
  fragment() {
    return `<html><body>${pageFragment('bar')}</body></html>`;
  }

  @PageFragment('bar')
  bar() {
    return '<b>bar</b>';
  }

  /** Nobody knows how large it becomes until the head is sent. */
  @Get('late/size')
  lateSize(@Res() reply: Reply) {
    reply.type(HTML).write('x'.repeat(9000));
    reply.end('x'.repeat(9000));
  }

  @Get('late/listener')
  @Header('content-type', HTML)
  lateListener() {
    return '<p>';
  }
}

/** Without `hosts`. */
@Controller()
class OpenController {
  @Get('page')
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=60')
  page() {
    return '<p>';
  }

  @Get('shown')
  @Header('content-type', HTML)
  @Header('cache-control', 'max-age=60')
  shown(@Req() { headers }: { headers: { host: string } }, @Res({ passthrough: true }) reply: Reply) {
    reply.set('link', `<http://${headers.host}/a.css>`);
    return '<p>';
  }

  @Get('redirect')
  redirect(@Req() { headers }: { headers: { host: string } }, @Res() reply: Reply) {
    reply.status(302).set('location', `http://${headers.host}/page`).set('cache-control', 'max-age=60').send('');
  }

  @Get('forever')
  @Header('content-type', HTML)
  forever() {
    return '<p>';
  }
}

@Controller({ host: 'tenant.example' })
class TenantController {
  @Get('page')
  page() {
    return '<p>tenant';
  }
}

@Controller()
class VersionsController {
  @Version('1')
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }
}

@Injectable()
class Broken {
  @OnPageCache(PageRendered)
  onRendered({ draft }: PageRendered): void {
    if (draft.address.path === '/late/listener') throw new Error('broken');
  }
}

const sites: Record<string, Site> = {};
const root = temporaryRoot();

beforeAll(async () => {
  const platform = 'express';
  const logger = false;
  const start = async (name: string, setup: Partial<ApplicationSetup>, nginx?: NginxCacheOptions) => {
    sites[name] = await startSite({ platform, logger, controllers: [OpenController], ...setup }, nginx);
  };
  await Promise.all([
    start('blog', {
      controllers: [ReasonsController],
      providers: [Broken],
      options: {
        hosts: ['127.0.0.1'],
        exclude: ['/admin/*'],
        query: { allow: ['name', 'value'] },
        requestFields: { bypass: ['X-Beta'] },
        bypassToken: TOKEN,
        shared: ['/shared/*'],
        variants: [{ name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }],
        anonymousOnly: { isAnonymous: ({ url }) => url !== '/anonymous' },
        maxPageBytes: 10_000,
      },
    }),
    start('open', { options: { include: ['/page', '/shown', '/forever'], respectCacheControl: 'required' } }),
    start('redirects', { options: { nginx: { flavour: 'srcache' }, statuses: [200, 302] } }),
    start('tenants', { controllers: [TenantController, OpenController] }),
    start('versions', {
      controllers: [VersionsController],
      prepare: (app) => void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
      options: { requestFields: { ignore: ['x-version'] } },
    }),
    start('files', {
      controllers: [ReasonsController],
      options: { store: fileStore({ root }), nginx: { flavour: 'files' }, query: { allow: ['name'] } },
    }),
    start('drifted', {}, { prefix: 'other:' }),
    start('older', {}, { maxPageBytes: 5000, exclude: ['/other'] }),
  ]);
});

afterAll(async () => {
  await Promise.all(Object.values(sites).map((site) => site.stop()));
  rmSync(root, { recursive: true });
});

/** What the command finds out, without its process. */
async function explained(name: string, target: string, fields: Record<string, string> = {}): Promise<Why> {
  const { app, nginx } = sites[name]!;
  const site: OpenSite = {
    pages: app.get(PageCacheService),
    options: app.get<CheckedOptions>(PAGE_CACHE_OPTIONS, { strict: false }),
    get: (token) => app.get(token, { strict: false }),
  };
  const url = new URL(nginx.url + target);
  return why(site, url, { host: url.host, ...fields }, new AbortController().signal);
}

interface Case {
  readonly reason: string;
  readonly site?: string;
  readonly target: string;
  readonly fields?: Record<string, string>;
}

const withField = (name: string, value: string) => `/with?name=${name}&value=${encodeURIComponent(value)}`;

const CASES: readonly Case[] = [
  // By the request.
  { reason: 'upgrade', target: '/page', fields: { connection: 'upgrade', upgrade: 'other' } },
  { reason: 'host-field', target: '/page', fields: { host: 'a/b' } },
  { reason: 'host', target: '/page', fields: { host: 'other.example' } },
  { reason: 'alias', target: '/page/' },
  { reason: 'variant-lang', target: '/page', fields: { cookie: 'lang=fr' } },
  { reason: 'bypass-header', target: '/page', fields: { 'x-page-cache-bypass': TOKEN } },
  { reason: 'query', target: '/page?other=1' },
  { reason: 'depth', site: 'files', target: '/a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16' },
  { reason: 'file-name', site: 'files', target: '/with?name=/../x' },
  { reason: 'key-length', target: `/a/${'x'.repeat(250)}` },
  { reason: 'authorization', target: '/page', fields: { authorization: 'Basic eDp5' } },
  { reason: 'cookie', target: '/page', fields: { cookie: 'sid=1' } },
  { reason: 'credentials', target: '/page', fields: { 'x-api-key': '1' } },
  { reason: 'partial', target: '/page', fields: { 'hx-request': 'true' } },
  { reason: 'request-field', target: '/page', fields: { 'x-beta': '1' } },
  { reason: 'excluded', target: '/admin/users' },
  { reason: 'not-included', site: 'open', target: '/redirect' },
  { reason: 'range', target: '/agent', fields: { range: 'bytes=0-1' } },
  { reason: 'conditional', target: '/agent', fields: { 'if-match': '"a"' } },
  { reason: 'key-drift', site: 'drifted', target: '/page' },
  { reason: 'other-configuration', site: 'older', target: '/page' },
  { reason: 'no-page-cache', target: '/never' },
  { reason: 'event-stream', target: '/events' },
  { reason: 'guarded', target: '/guarded' },
  { reason: 'version', site: 'versions', target: '/page', fields: { 'x-version': '1' } },
  { reason: 'host-controller', site: 'tenants', target: '/page' },
  { reason: 'reads-user-agent', target: '/agent' },
  { reason: 'skip-if', target: '/if' },
  { reason: 'no-handler', target: '/nothing' },
  { reason: 'not-shared-set-cookie', target: `/shared${withField('set-cookie', 'a=b')}`, fields: { cookie: 'sid=1' } },
  // By the response.
  { reason: 'status-404', target: '/status' },
  { reason: 'status-302', target: '/away' },
  { reason: 'next', target: '/handed-on' },
  { reason: 'x-accel', target: withField('x-accel-buffering', 'no') },
  { reason: 'location-host', site: 'redirects', target: '/redirect' },
  { reason: 'set-cookie', target: withField('set-cookie', 'a=b') },
  { reason: 'no-store', target: withField('cache-control', 'no-store') },
  { reason: 'private', target: withField('cache-control', 'private') },
  { reason: 'no-cache', target: withField('cache-control', 'no-cache') },
  { reason: 'stale', target: withField('cache-control', 'max-age=0') },
  { reason: 'no-freshness', site: 'open', target: '/forever' },
  { reason: 'vary', target: withField('vary', 'User-Agent') },
  ...Object.keys(LEFT).map((name) => ({ reason: name, target: `/left?name=${name}` })),
  { reason: 'not-anonymous', target: '/anonymous' },
  { reason: 'nonce', target: withField('content-security-policy', "script-src 'nonce-abc'") },
  { reason: 'csrf-token', target: withField('x-csrf-token', 'abc') },
  {
    reason: 'allow-origin',
    target: withField('access-control-allow-origin', 'https://a.example'),
    fields: { origin: 'https://a.example' },
  },
  { reason: 'host-in-page', site: 'open', target: '/shown' },
  { reason: 'inner-cache', target: withField('x-cache', 'HIT') },
  { reason: 'header-content-security-policy', target: withField('content-security-policy', 'default-src x') },
  { reason: 'content-type', target: '/json' },
  { reason: 'content-encoding', target: withField('content-encoding', 'odd') },
  { reason: 'empty', target: '/empty' },
  { reason: 'size', target: '/large' },
  { reason: 'draft', target: '/draft' },
];

/** `why` never meets these; docs/operations.md says so. */
const NEVER: Readonly<Record<string, string>> = {
  method: 'it sends GET alone',
  content: 'it sends no content',
  'client-certificate': 'it shows no certificate, and nginx does not pass one on',
};

/** What an answer names as long as something lasts, or while the application has a fault: states.spec.ts. */
const STATES = [
  'other-version',
  'other-servers',
  'nginx',
  'not-observed',
  'purges-unknown',
  'purge-pending',
  'store-down',
  'shutdown',
  'exception',
  'listener-error',
  'purged',
];

/** Known only when the head of the answer has been sent; states.spec.ts has some of them, too. */
const LATE = [
  'fragment',
  'fragment-type',
  'aborted',
  'truncated',
  'refreshed',
  'superseded',
  'evicted',
  'store-busy',
  'store-failed',
];

describe('nginx-cache why names the reason, and what settles it', () => {
  it.each(CASES)('$reason', async ({ reason, site = 'blog', target, fields = {} }) => {
    // Where memcached is late, that is the reason, for a moment.
    await expect.poll(async () => (await explained(site, target, fields)).outcome).toBe(reason);
    const said = await explained(site, target, fields);
    const known = reasonOf(reason);
    expect(said.isPage).toBe(false);
    expect(said.cure).toEqual(known?.cure ?? expect.stringContaining(`look for '${reason}'`));
  });

  it.each(['/late/size', '/late/listener', '/fragment'])(
    '%s: says that no answer can name it, and who can',
    async (target) => {
      const said = await explained('blog', target);
      expect(said).toMatchObject({ isPage: false, outcome: 'stored', stored: { isStored: false } });
      expect(said.why).toContain('had been sent');
      expect(said.cure).toContain(`publish --module FILE '${target}' names it`);
    },
  );

  it('has a case for each', () => {
    const given = [...CASES.map(({ reason }) => reason), ...Object.keys(NEVER), ...STATES, ...LATE];
    const words = Object.keys(REASONS);
    const missing = words.filter(
      (word) => !given.some((one) => (word.endsWith('-') ? one.startsWith(word) : one === word)),
    );
    expect(missing).toEqual([]);
  });
});
