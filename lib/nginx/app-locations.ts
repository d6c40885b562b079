import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
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
 * `miss`: the page is to be stored, so the application must send all of it. `bypass`: the request goes through untouched.
 */
export function appLocations({ variants, hosts }: CheckedOptions, names: SiteNames): string[] {
  const chosen = variants.flatMap(({ header }, index) =>
    header === undefined ? [] : [`proxy_set_header ${header} ${names.variable(`variant_${index}`)};`],
  );
  return [
    ...block(`location @${names.of('miss')}`, [
      ...proxy(names, names.variable(hosts ? 'page_host' : 'host')),
      `proxy_set_header ${PAGE_KEY_HEADER} ${names.variable('key')};`,
      ...[...CONDITIONS, ...UNKEYED].map((field) => `proxy_set_header ${field} "";`),
      ...chosen,
    ]),
    '',
    ...block(`location @${names.of('bypass')}`, [
      ...proxy(names, names.variable('host')),
      `proxy_set_header ${PAGE_KEY_HEADER} "bypass ${names.variable('reason')}";`,
      'proxy_set_header Upgrade $http_upgrade;',
    ]),
  ];
}

function proxy(names: SiteNames, host: string): string[] {
  return [
    `set ${names.variable('status')} "";`,
    `proxy_pass http://${names.of('app')};`,
    'proxy_http_version 1.1;',
    `proxy_set_header Connection ${names.variable('connection')};`,
    `proxy_set_header Host ${host};`,
    'proxy_set_header X-Real-IP $remote_addr;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    `proxy_set_header X-Forwarded-Host ${host};`,
    'proxy_set_header X-Forwarded-Proto $scheme;',
  ];
}
