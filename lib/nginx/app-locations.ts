import type { CheckedOptions } from '../options/check-options.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { block } from './syntax.js';
import type { SiteNames } from './variables.js';

/** Fields of a conditional or partial request: the answer would not be a whole page (RFC 9110, sections 13 and 14). */
const CONDITIONS = ['If-None-Match', 'If-Modified-Since', 'If-Match', 'If-Unmodified-Since', 'If-Range', 'Range'];

/** Fields by which frameworks and proxies let a client pretend another address or method: not part of the key. */
const UNKEYED = ['Forwarded', 'X-Original-URL', 'X-Rewrite-URL', 'X-HTTP-Method-Override', 'X-Forwarded-Prefix'];

/**
 * The two ways to the application. Named locations keep method, body and raw target.
 * `miss`: the page is to be stored, so the application must send all of it. `bypass`: the request goes through untouched.
 */
export function appLocations({ variants }: CheckedOptions, names: SiteNames): string[] {
  const chosen = variants.flatMap(({ header }, index) =>
    header === undefined ? [] : [`proxy_set_header ${header} ${names.variable(`variant_${index}`)};`],
  );
  return [
    ...block(`location @${names.of('miss')}`, [
      ...proxy(names),
      `proxy_set_header ${PAGE_KEY_HEADER} ${names.variable('key')};`,
      ...[...CONDITIONS, ...UNKEYED].map((field) => `proxy_set_header ${field} "";`),
      ...chosen,
    ]),
    '',
    ...block(`location @${names.of('bypass')}`, [
      ...proxy(names),
      `proxy_set_header ${PAGE_KEY_HEADER} "bypass ${names.variable('reason')}";`,
      'proxy_set_header Upgrade $http_upgrade;',
    ]),
  ];
}

function proxy(names: SiteNames): string[] {
  return [
    `set ${names.variable('status')} "";`,
    `proxy_pass http://${names.of('app')};`,
    'proxy_http_version 1.1;',
    `proxy_set_header Connection ${names.variable('connection')};`,
    `proxy_set_header Host ${names.variable('host')};`,
    'proxy_set_header X-Real-IP $remote_addr;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    `proxy_set_header X-Forwarded-Host ${names.variable('host')};`,
    'proxy_set_header X-Forwarded-Proto $scheme;',
  ];
}
