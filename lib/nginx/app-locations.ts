import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_KEY_HEADER, RULES_HEADER } from '../page/page-key-header.js';
import { variantFields } from '../rules/variant.js';
import { block } from './syntax.js';
import type { SiteNames } from './variables.js';

/** Fields of a conditional or partial request: the answer would not be a whole page (RFC 9110, sections 13 and 14). */
const CONDITIONS = ['If-None-Match', 'If-Modified-Since', 'If-Match', 'If-Unmodified-Since', 'If-Range', 'Range'];

/** Fields by which frameworks and proxies let a client pretend another address or method: not part of the key. */
// prettier-ignore
const UNKEYED = [
  'Forwarded', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Path', 'X-Forwarded-Server', 'X-Forwarded-Scheme',
  'X-Forwarded-Ssl', 'X-Scheme', 'X-Host', 'X-Original-Host', 'X-Original-URL', 'X-Rewrite-URL',
  'X-HTTP-Host-Override', 'X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override',
];

/**
 * The two ways to the application. Named locations keep method, body and raw target.
 * `miss`: the page is to be stored, so the application must send all of it, and sees nothing that it may not depend on.
 * `bypass`: the request goes through untouched.
 */
export function appLocations(options: CheckedOptions, names: SiteNames): string[] {
  const { hosts, requestFields } = options;
  const host = names.variable(hosts ? 'page_host' : 'host');
  return [
    ...block(`location @${names.of('miss')}`, [
      ...pass(names),
      ...(requestFields.pass === 'key' ? keyFields(options, host) : otherFields(host)),
      `proxy_set_header ${PAGE_KEY_HEADER} ${names.variable('key')};`,
      `proxy_set_header ${RULES_HEADER} ${options.rulesDigest};`,
      ...chosen(options, names),
      '# A page is rendered to its end and stored, although the visitor has left.',
      'proxy_ignore_client_abort on;',
    ]),
    '',
    ...block(`location @${names.of('bypass')}`, [
      ...pass(names),
      ...forwarded(names.variable('host')).map(set),
      `proxy_set_header ${PAGE_KEY_HEADER} "bypass ${names.variable('reason')}";`,
      'proxy_set_header Upgrade $http_upgrade;',
    ]),
  ];
}

/** What the visitor has sent, without what the page may not depend on. Of the rest the application notices what is read. */
function otherFields(host: string): string[] {
  return [...forwarded(host).map(set), ...[...CONDITIONS, ...UNKEYED].map((field) => `proxy_set_header ${field} "";`)];
}

/** `requestFields.pass: 'key'`: nothing of what the visitor has sent but the fields that make no difference. */
function keyFields({ requestFields }: CheckedOptions, host: string): string[] {
  const own = new Map(forwarded(host).map(([name, value]) => [name.toLowerCase(), value]));
  const ignored = requestFields.ignore.filter((name) => !name.startsWith(':') && name !== 'host' && name !== 'cookie');
  return [
    'proxy_pass_request_headers off;',
    `proxy_set_header Host ${host};`,
    'proxy_set_header Accept-Encoding $http_accept_encoding;',
    ...ignored.map((name) => `proxy_set_header ${name} ${own.get(name) ?? `$http_${name.replace(/-/g, '_')}`};`),
  ];
}

/** The fields and cookies of the variants say what stands in the key, whatever was sent. No other cookie is passed on. */
function chosen({ variants }: CheckedOptions, names: SiteNames): string[] {
  const values = Object.fromEntries(variants.map(({ name }, index) => [name, names.variable(`variant_${index}`)]));
  return Object.entries({ cookie: '', ...variantFields(variants, values) }).map(
    ([name, value]) => `proxy_set_header ${name === 'cookie' ? 'Cookie' : name} "${value}";`,
  );
}

function pass(names: SiteNames): string[] {
  return [
    `set ${names.variable('status')} "";`,
    `proxy_pass http://${names.of('app')};`,
    'proxy_http_version 1.1;',
    `proxy_set_header Connection ${names.variable('connection')};`,
  ];
}

/** What nginx says about the request. */
function forwarded(host: string): [name: string, value: string][] {
  return [
    ['Host', host],
    ['X-Real-IP', '$remote_addr'],
    ['X-Forwarded-For', '$proxy_add_x_forwarded_for'],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Proto', '$scheme'],
  ];
}

function set([name, value]: [name: string, value: string]): string {
  return `proxy_set_header ${name} ${value};`;
}
