import type { CanActivate } from '@nestjs/common';
import { DEFAULT_LISTENERS, memcachedStore, type NginxCacheOptions, SizeListener } from '../../lib/index.js';

/** A change of one option. */
export interface ChangedOption {
  /** As the table of docs/deploys.md calls it. */
  readonly option: string;
  /** Told apart from others of the same option. */
  readonly how?: string;
  /** Default: pages in memcached. */
  readonly inFiles?: true;
  /** On both sides, before and after. */
  readonly common?: NginxCacheOptions;
  readonly before: NginxCacheOptions;
  readonly after: NginxCacheOptions;
  /** What the application sends with its pages, before and after. */
  readonly fields?: readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>];
  /** Besides the usual ones. */
  readonly requests?: readonly Request[];
}

export interface Request {
  readonly target: string;
  readonly fields?: Readonly<Record<string, string>>;
}

const lang = { name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' };
const session: Request[] = [{ target: '/page', fields: { cookie: 'sid=1' } }];

class EverybodyGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

/** Two policies, of which one has a nonce. The application sends one that it makes for each response. */
const POLICY = { 'Content-Security-Policy': "script-src 'self'" };
const NONCE_POLICY = { 'Content-Security-Policy': "script-src 'nonce-{pageNonce}'" };

const HEADERS: ChangedOption['fields'] = [{ 'X-Frame-Options': 'DENY' }, { 'X-Frame-Options': 'SAMEORIGIN' }];

/** At least one for each option there is. */
export const CHANGED_OPTIONS: readonly ChangedOption[] = [
  { option: 'prefix', before: {}, after: { prefix: 'other:' } },
  { option: 'version', before: { version: '1' }, after: { version: '2' } },
  { option: 'ttl', before: {}, after: { ttl: 60_000 } },
  // Another server, which is not there: the application goes on without a cache.
  { option: 'store', before: {}, after: { store: memcachedStore({ servers: '127.0.0.1:1' }) } },
  { option: 'nginx.flavour', how: 'to srcache', before: {}, after: { nginx: { flavour: 'srcache' } } },
  { option: 'nginx.flavour', how: 'from srcache', before: { nginx: { flavour: 'srcache' } }, after: {} },
  { option: 'nginx.flavour', how: 'to njs', before: {}, after: { nginx: { flavour: 'njs' } } },
  { option: 'nginx.flavour', how: 'from njs', before: { nginx: { flavour: 'njs' } }, after: {} },
  {
    option: 'nginx.flavour',
    how: 'from srcache to njs',
    before: { nginx: { flavour: 'srcache' } },
    after: { nginx: { flavour: 'njs' } },
  },
  {
    option: 'nginx.contentType',
    before: {},
    after: { nginx: { contentType: 'text/plain; charset=utf-8' } },
    fields: [{}, { 'Content-Type': 'text/plain; charset=utf-8' }],
  },
  {
    option: 'nginx.contentTypes',
    before: {},
    after: { nginx: { contentTypes: { '/page': 'text/plain; charset=utf-8' } } },
    fields: [{}, { 'Content-Type': 'text/plain; charset=utf-8' }],
  },
  {
    option: 'nginx.headers',
    before: { nginx: { headers: { 'X-Frame-Options': 'DENY' } } },
    after: { nginx: { headers: { 'X-Frame-Options': 'SAMEORIGIN' } } },
    fields: HEADERS,
  },
  {
    option: 'nginx.headers',
    how: 'a new one',
    before: {},
    after: { nginx: { headers: { 'X-Frame-Options': 'SAMEORIGIN' } } },
    fields: [{}, { 'X-Frame-Options': 'SAMEORIGIN' }],
  },
  {
    option: 'nginx.headers',
    how: 'to a policy with a nonce',
    common: { fragments: ['/page'] },
    before: { nginx: { headers: POLICY } },
    after: { nginx: { headers: NONCE_POLICY } },
    fields: [POLICY, NONCE_POLICY],
  },
  {
    option: 'nginx.headers',
    how: 'from a policy with a nonce',
    common: { fragments: ['/page'] },
    before: { nginx: { headers: NONCE_POLICY } },
    after: { nginx: { headers: POLICY } },
    fields: [NONCE_POLICY, POLICY],
  },
  { option: 'anonymousOnly', before: {}, after: { anonymousOnly: false }, requests: session },
  {
    option: 'anonymousOnly',
    how: 'the other way',
    before: { anonymousOnly: { sessionCookies: ['other'] } },
    after: {},
    requests: session,
  },
  { option: 'include', before: {}, after: { include: ['/other'] } },
  { option: 'include', how: 'the other way', before: { include: ['/other'] }, after: {} },
  { option: 'shared', before: {}, after: { shared: ['/page'] }, requests: session },
  { option: 'shared', how: 'the other way', before: { shared: ['/page'] }, after: {}, requests: session },
  { option: 'fragments', before: {}, after: { fragments: ['/page'] } },
  { option: 'fragments', how: 'the other way', before: { fragments: ['/page'] }, after: {} },
  { option: 'fragmentTimeout', common: { fragments: ['/page'] }, before: {}, after: { fragmentTimeout: 500 } },
  { option: 'exclude', before: {}, after: { exclude: ['/page'] } },
  { option: 'exclude', how: 'the other way', before: { exclude: ['/page'] }, after: {} },
  { option: 'exclude', how: 'in files', inFiles: true, before: {}, after: { exclude: ['/page'] } },
  {
    option: 'nginx.headers',
    how: 'in files',
    inFiles: true,
    before: { nginx: { headers: { 'X-Frame-Options': 'DENY' } } },
    after: { nginx: { headers: { 'X-Frame-Options': 'SAMEORIGIN' } } },
    fields: HEADERS,
  },
  { option: 'compress', how: 'in files', inFiles: true, before: {}, after: { compress: false } },
  { option: 'version', how: 'in files', inFiles: true, before: { version: '1' }, after: {} },
  {
    option: 'query',
    how: 'allow',
    before: { query: { ignore: ['p'] } },
    after: { query: { allow: ['p'] } },
    requests: [{ target: '/page?p=1' }, { target: '/page?p=2' }],
  },
  {
    option: 'query',
    how: 'ignore',
    before: { query: { allow: ['p'] } },
    after: { query: { ignore: ['p'] } },
    requests: [{ target: '/page?p=1' }, { target: '/page?p=2' }],
  },
  { option: 'hosts', before: {}, after: { hosts: ['127.0.0.1'] } },
  { option: 'origin', before: {}, after: { origin: 'http://127.0.0.1' } },
  {
    option: 'variants',
    before: { anonymousOnly: { ignoreCookies: ['lang'] } },
    after: { anonymousOnly: { ignoreCookies: ['lang'] }, variants: [lang] },
    requests: [{ target: '/page', fields: { cookie: 'lang=de' } }],
  },
  {
    option: 'variants',
    how: 'another default',
    before: { variants: [lang] },
    after: { variants: [{ ...lang, default: 'de' }] },
    requests: [{ target: '/page', fields: { cookie: 'lang=de' } }],
  },
  {
    option: 'requestFields',
    how: 'bypass',
    before: {},
    after: { requestFields: { bypass: ['x-tenant'] } },
    requests: [{ target: '/page', fields: { 'x-tenant': 'a' } }],
  },
  {
    option: 'requestFields',
    how: 'ignore',
    before: {},
    after: { requestFields: { ignore: ['x-api-key'] } },
    requests: [{ target: '/page', fields: { 'x-api-key': 'a' } }],
  },
  { option: 'trailingSlash', before: {}, after: { trailingSlash: 'require' }, requests: [{ target: '/page/' }] },
  { option: 'respectCacheControl', before: {}, after: { respectCacheControl: false } },
  { option: 'clientCacheControl', before: {}, after: { clientCacheControl: 'max-age=7' } },
  { option: 'excuseVary', before: {}, after: { excuseVary: ['x-a'] } },
  { option: 'excuseHeaders', before: {}, after: { excuseHeaders: ['x-a'] } },
  { option: 'excuseCookies', before: {}, after: { excuseCookies: [/^a/] } },
  { option: 'purgeAfterUnsafe', before: {}, after: { purgeAfterUnsafe: false } },
  { option: 'staleWhileRevalidate', before: {}, after: { staleWhileRevalidate: 60_000 } },
  { option: 'staleIfError', before: {}, after: { staleIfError: 60_000 } },
  { option: 'refreshAhead', before: {}, after: { refreshAhead: true } },
  { option: 'remotePurge', before: {}, after: { remotePurge: { token: 'a-secret-of-16-characters' } } },
  {
    option: 'bypassToken',
    before: {},
    after: { bypassToken: 'a-secret-of-16-characters' },
    requests: [{ target: '/page', fields: { 'x-page-cache-bypass': 'a-secret-of-16-characters' } }],
  },
  { option: 'compress', common: { nginx: { flavour: 'srcache' } }, before: {}, after: { compress: false } },
  { option: 'maxPageBytes', common: { nginx: { flavour: 'njs' } }, before: {}, after: { maxPageBytes: 2_000_000 } },
  { option: 'statuses', common: { nginx: { flavour: 'srcache' } }, before: {}, after: { statuses: [200, 404] } },
  { option: 'harmlessGuards', before: {}, after: { harmlessGuards: [EverybodyGuard] } },
  { option: 'listeners', before: {}, after: { listeners: DEFAULT_LISTENERS.filter((one) => one !== SizeListener) } },
];
