import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { block } from './syntax.js';
import type { SiteNames } from './variables.js';

/** Fields of a conditional or partial request: the answer would not be a whole page (RFC 9110, sections 13 and 14). */
const CONDITIONS = ['If-None-Match', 'If-Modified-Since', 'If-Match', 'If-Unmodified-Since', 'If-Range', 'Range'];

/**
 * The two ways to the application. Named locations keep method, body and raw target.
 * `miss`: the page is to be stored, so the application must send all of it. `bypass`: the request goes through untouched.
 */
export function appLocations(names: SiteNames): string[] {
  return [
    ...block(`location @${names.of('miss')}`, [
      ...proxy(names),
      `proxy_set_header ${PAGE_KEY_HEADER} ${names.variable('key')};`,
      ...CONDITIONS.map((field) => `proxy_set_header ${field} "";`),
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
    `proxy_pass http://${names.of('app')};`,
    'proxy_http_version 1.1;',
    `proxy_set_header Connection ${names.variable('connection')};`,
    `proxy_set_header Host ${names.variable('host')};`,
    'proxy_set_header X-Real-IP $remote_addr;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    'proxy_set_header X-Forwarded-Host $host;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
  ];
}
