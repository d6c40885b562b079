import { CONDITIONS, CONTENT_FIELDS } from '../http/fields-of-one-request.js';
import type { CheckedOptions } from '../options/checked-options.js';
import {
  CONFIGURATION_HEADER,
  FRAGMENT_FIELDS,
  FRAGMENT_HEADER,
  NONCE_HEADER,
  PAGE_KEY_HEADER,
  VISITOR_HEADERS,
} from '../page/page-key-header.js';
import { variantFields } from '../rules/variant.js';
import { fragmentLocations, noSsi } from './fragment-locations.js';
import type { CheckedDeployment } from './deployment.js';
import type { Site } from './flavours/flavour.js';
import { block, quoted } from './syntax.js';
import { orCopy, sendsCopies } from './stale-locations.js';
import { schemeVariable } from './trusted-proxies.js';
import type { SiteNames } from './variables.js';

/** The name of a request field, and its value as nginx.conf has it. */
type Field = readonly [name: string, value: string];

/** Fields by which frameworks and proxies let a client pretend another address or method. They are not part of the key. */
// prettier-ignore
const UNKEYED = [
  'Forwarded', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Path', 'X-Forwarded-Server', 'X-Forwarded-Scheme',
  'X-Forwarded-Ssl', 'X-Scheme', 'X-Host', 'X-Original-Host', 'X-Original-URL', 'X-Rewrite-URL',
  'X-HTTP-Host-Override', 'X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override',
];

/** A `proxy_cache` of the site would keep pages that are purged, and give the fragments of one visitor to all others. */
const NO_OTHER_CACHE = 'proxy_cache off;';

/**
 * The ways to the application. Named locations keep method, body and raw target.
 * `miss`: the page is to be stored, so the application must send all of it, and sees nothing that the page may not depend on.
 * `bypass`: the request goes through untouched.
 * `personal`: so does the request of a visitor with a session for a shared page. The application makes the page without the visitor, or
 * answers this visitor alone.
 * `part`: like `bypass`, for a request for a part of a page or for its header only, which a copy may answer.
 *
 * @param stored the lines that read a stored fragment
 */
export function appLocations(site: Site, place: CheckedDeployment, stored: readonly string[]): string[] {
  const { options, names, fingerprint } = site;
  const { hosts, requestFields } = options;
  const host = names.variable(hosts ? 'page_host' : 'host');
  const scheme = schemeVariable(place.trustedProxies, names);
  const noFragment = options.fragments.isUsed ? FRAGMENT_FIELDS.map((name): Field => [name, '""']) : [];
  const visitor = options.fragments.isUsed ? visitorFields() : [];
  const own = place.proxySetHeader.map(([name, value]): Field => [name, quoted(value)]);
  const untouched = (key: string) => [
    ...pass(names),
    ...noSsi(options),
    '# Uploads are passed on as they arrive: the application limits their size, and they do not fill the disk of nginx.',
    'proxy_request_buffering off;',
    ...fields([
      ...forwarded(names.variable('host'), scheme),
      ...own,
      [PAGE_KEY_HEADER, key],
      [CONFIGURATION_HEADER, fingerprint],
      ...noFragment,
      ['Upgrade', '$http_upgrade'],
    ]),
  ];
  const bypass = untouched(`"bypass ${names.variable('reason')}"`);
  const toPersonal = [...untouched(names.variable('key')), NO_OTHER_CACHE, ...orCopy(site)];
  return [
    ...block(`location @${names.of('miss')}`, [
      ...pass(names),
      NO_OTHER_CACHE,
      ...noSsi(options),
      ...(requestFields.pass === 'key' ? ['proxy_pass_request_headers off;'] : []),
      ...fields([
        ...(requestFields.pass === 'key' ? keyFields(options, host, scheme) : otherFields(host, scheme)),
        ...own,
        [PAGE_KEY_HEADER, names.variable('key')],
        [CONFIGURATION_HEADER, fingerprint],
        ...noFragment,
        ...visitor,
        ...chosen(options, names),
      ]),
      '# If the visitor leaves, the page is still rendered completely and stored.',
      'proxy_ignore_client_abort on;',
      ...orCopy(site),
    ]),
    '',
    ...(options.rules.shared ? [...block(`location @${names.of('personal')}`, toPersonal), ''] : []),
    ...block(`location @${names.of('bypass')}`, bypass),
    ...(sendsCopies(options) ? ['', ...block(`location @${names.of('part')}`, [...bypass, ...orCopy(site)])] : []),
    ...fragmentLocations(
      site,
      [
        ...pass(names),
        NO_OTHER_CACHE,
        ...fields([
          ...otherFields(names.variable('host'), scheme),
          ...own,
          ...[...CONTENT_FIELDS, 'Upgrade'].map((name): Field => [name, '""']),
          ['Connection', '""'],
          ['Accept-Encoding', '""'],
          [PAGE_KEY_HEADER, names.variable('key')],
          [CONFIGURATION_HEADER, '""'],
          ...noFragment,
          [FRAGMENT_HEADER, '$request_uri'],
          [NONCE_HEADER, '$request_id'],
        ]),
      ],
      stored,
    ),
  ];
}

/** What the visitor has sent, without what the page may not depend on. The application notices which of the rest is read. */
function otherFields(host: string, scheme: string): Field[] {
  return [...forwarded(host, scheme), ...[...CONDITIONS, ...UNKEYED].map((name): Field => [name, '""'])];
}

/** `requestFields.pass: 'key'`: of what the visitor has sent, only the fields that make no difference. */
function keyFields({ requestFields }: CheckedOptions, host: string, scheme: string): Field[] {
  const own = new Map(forwarded(host, scheme).map(([name, value]) => [name.toLowerCase(), value]));
  const ignored = requestFields.ignore.filter((name) => !name.startsWith(':') && name !== 'host' && name !== 'cookie');
  return [
    ['Host', host],
    ['Accept-Encoding', '$http_accept_encoding'],
    ...ignored.map((name): Field => [name, own.get(name) ?? `$http_${name.replace(/-/g, '_')}`]),
  ];
}

/** For the fragments of a page that is made for nobody in particular. */
function visitorFields(): Field[] {
  return [
    [VISITOR_HEADERS.cookie, '$http_cookie'],
    [VISITOR_HEADERS.authorization, '$http_authorization'],
  ];
}

/** The fields and cookies of the variants say what the key says, whatever was sent. No other cookie is passed on. */
function chosen({ variants }: CheckedOptions, names: SiteNames): Field[] {
  const values = Object.fromEntries(variants.map(({ name }, index) => [name, names.variable(`variant_${index}`)]));
  return Object.entries({ cookie: '', ...variantFields(variants, values) }).map(([name, value]) => [
    name === 'cookie' ? 'Cookie' : name,
    `"${value}"`,
  ]);
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
function forwarded(host: string, scheme: string): Field[] {
  return [
    ['Host', host],
    ['X-Real-IP', '$remote_addr'],
    ['X-Forwarded-For', '$proxy_add_x_forwarded_for'],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Proto', scheme],
  ];
}

/** Of several fields with one name, the last counts: nginx would send all of them. */
function fields(all: readonly Field[]): string[] {
  const last = new Map(all.map((field) => [field[0].toLowerCase(), field]));
  return [...last.values()].map(([name, value]) => `proxy_set_header ${name} ${value};`);
}
