import { checkOptions } from './check-options.js';
import { digest } from './digest.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import type { HeaderField } from '../http/fields.js';
import { withNonce } from '../page/page-nonce.js';
import { allRules, type RequestRules } from '../rules/request-rules.js';
import { appLocations } from '../nginx/app-locations.js';
import { isOfStored } from '../fragments/page-assembly.js';
import { forCachesMap, fragmentMaps, saysCacheControl } from '../nginx/fragment-locations.js';
import { checkDeployment, type CheckedDeployment, type NginxDeployment } from '../nginx/deployment.js';
import type { Flavour, Site } from '../nginx/flavours/flavour.js';
import { logFormat } from '../nginx/access-log.js';
import { sendsCopies, STALE_STATUS, staleLocations, staleMaps } from '../nginx/stale-locations.js';
import { IS_PERSONAL, personal, sharedMaps } from '../nginx/shared-maps.js';
import { refusalLocations } from '../nginx/refusals.js';
import { schemeMaps } from '../nginx/trusted-proxies.js';
import { servernameOf } from '../stores/memcached/memcached-access.js';
import type { PageStoreDefinition } from '../stores/page-store.js';
import { trustedFile, upstreams } from '../nginx/upstreams.js';
import { wholeConf } from '../nginx/whole-conf.js';
import { keyMaps } from '../nginx/key-maps.js';
import { ruleMaps } from '../nginx/rule-map.js';
import { FLAVOURS, flavourFor } from '../nginx/flavours/flavours.js';
import { block, map } from '../nginx/syntax.js';
import { SiteNames } from '../nginx/variables.js';

/**
 * The nginx configuration: pieces to include in an existing configuration, and a complete one.
 *
 * @publicApi
 */
export interface NginxConf {
  /** Include it inside `http {}`. */
  http: string;
  /** Include it inside `server {}`. */
  server: string;
  /** Include it inside `stream {}`. Empty unless nginx is older than 1.27.3 and has a `resolver`, or memcached is reached over TLS. */
  stream: string;
  /**
   * A complete `nginx.conf`. It answers for every name that leads to its address, so it needs the names of the site.
   *
   * @throws {NginxCacheConfigError} without `hosts`
   */
  readonly full: string;
  /**
   * Helper files by their path relative to `directory`: the script of the `njs` flavour, and the `bypassToken`. Write them so that only the
   * user who starts nginx can read them (mode 0600).
   */
  files: Record<string, string>;
}

/**
 * Writes the nginx configuration for the options of the module.
 *
 * @param options the same object as for `NginxCacheModule.forRoot()`
 * @param deployment where nginx runs, and where it finds the application
 * @returns the configuration, in pieces and complete
 * @throws {NginxCacheConfigError} when an option is wrong, or when nginx cannot read the store
 * @example
 * const { full } = nginxConf(options, { app: '127.0.0.1:3000', listen: 8080, directory: '/var/lib/nginx-cache' });
 * writeFileSync('nginx.conf', full); // nginx -c "$PWD/nginx.conf" -g 'daemon off;'
 * @see https://nginx.org/en/docs/http/ngx_http_memcached_module.html
 *
 * @publicApi
 */
export function nginxConf(options: NginxCacheOptions, deployment: NginxDeployment): NginxConf {
  const checked = checkOptions(options);
  const place = checkDeployment(deployment, checked.hosts);
  const flavour = flavourFor(checked.store, options);
  if (!flavour) {
    throw new NginxCacheConfigError(
      'store',
      `${checked.store.kind}Store()`,
      'a store that nginx can read: memcachedStore() or fileStore()',
    );
  }
  mustBeReadable(checked.store);
  if (checked.store.changing) {
    throw new NginxCacheConfigError(
      'store',
      'servers: a function',
      'memcachedStore() with the list that the function gives, for nginx: servers: await servers()',
    );
  }
  const site = siteOf(checked, fingerprintWith(checked, flavour), place);
  const { http: shared, malformed, server, stream } = pieces(site, flavour, place);
  // Not part of the fingerprint: what nginx logs changes no page.
  const http = [...shared, '', ...logFormat(site.names)];
  return {
    http: text(http),
    server: text([...malformed, ...server]),
    stream: text(stream),
    get full() {
      mustKnowHosts(checked);
      const all = [...malformed, ...strangers(site), ...server, ...elsewhere(place)];
      const modules = flavour.modules(site);
      return text(wholeConf({ http, server: all, stream, modules, logFormat: site.names.of('log') }, place));
    },
    files: { ...flavour.files(site), ...secretFiles(site), ...trustedFiles(site) },
  };
}

/**
 * Stands for everything that nginx and the application must agree on. It is made from the configuration itself, written for a place that is
 * the same for both, so that no option is forgotten.
 *
 * @returns `undefined` when nginx does not read the store
 */
export function fingerprintOf(checked: CheckedOptions): string | undefined {
  const flavour = FLAVOURS.find(({ name }) => name === checked.flavour);
  return flavour && fingerprintWith(checked, flavour);
}

function fingerprintWith(checked: CheckedOptions, flavour: Flavour): string {
  const anywhere = checkDeployment({ app: '127.0.0.1:3000' }, undefined);
  const site = siteOf(checked, '', anywhere);
  const { http, server } = pieces(site, flavour, anywhere);
  const lines = [...http, ...server].filter((line) => !line.trimStart().startsWith('#'));
  return digest([...lines, ...Object.values(flavour.files(site))].join('\n'));
}

function siteOf(options: CheckedOptions, fingerprint: string, { directory }: CheckedDeployment): Site {
  const names = new SiteNames(options.prefix);
  return { options, names, fingerprint, bypass: bypassOf(options.rules, names), directory };
}

function pieces(site: Site, flavour: Flavour, place: CheckedDeployment) {
  const { http, stream } = upstreams(place, site.options.store, site.names);
  return {
    stream,
    http: [...http, '', ...httpBlock(site, place), ...flavour.http(site)],
    malformed: [
      '# A Host field without a valid host (RFC 9112, section 3.2).',
      ...refuse(site.names.variable('bypass_host_field'), 400),
    ],
    server: serverBlock(site, flavour, place),
  };
}

/** Visitors who may choose the host of a site may choose any host, and pages may be made from it. */
function mustKnowHosts({ knowsHosts }: CheckedOptions): void {
  if (knowsHosts) return;
  throw new NginxCacheConfigError(
    'hosts',
    undefined,
    'the list of the names of the site, e.g. ["example.com"], for a whole nginx.conf, or "any" if it shall answer for every name',
  );
}

function bypassOf(rules: RequestRules, names: SiteNames): string {
  const reasons = allRules(rules).map((rule) => ruleMaps(rule, names).bypass);
  return [...reasons, names.variable('bypass_precondition'), names.variable('bypass_key_length')].join('');
}

function httpBlock(site: Site, { trustedProxies }: CheckedDeployment): string[] {
  const { options, names } = site;
  return [
    '# The key of a page. nestjs-nginx-cache generated this from the options of the application: change the options instead.',
    ...keyMaps(options, names),
    '',
    '# Why a request bypasses the cache: a word from each rule, or nothing.',
    ...allRules(options.rules)
      .filter(({ isSecret }) => !isSecret)
      .flatMap((rule) => ruleMaps(rule, names).lines),
    ...Object.keys(secretFiles(site)).map((file) => `include ${site.directory}/${file};`),
    ...sharedMaps(site),
    '',
    '# nginx would answer 412 from the page that it has; whether it is the current one only the application knows.',
    ...map('"$http_if_match$http_if_unmodified_since"', names.variable('bypass_precondition'), [
      ['default', 'precondition '],
      ['', ''],
    ]),
    '# If there is no page, the application answers a request for a part, and stores nothing.',
    ...map(`"${personal(site)}$request_method $http_range"`, names.variable('fallback'), [
      ['default', `@${names.of(sendsCopies(options) ? 'part' : 'bypass')}`],
      ['GET ', `@${names.of('miss')}`],
      ...(options.rules.shared ? [[`${IS_PERSONAL}GET `, `@${names.of('personal')}`] as [string, string]] : []),
    ]),
    ...map('$http_upgrade', names.variable('connection'), [
      ['default', 'upgrade'],
      ['', ''],
    ]),
    ...hitHeaders(options).flatMap((field, index) => {
      const [name, value] = withNonce(field, () => '$request_id');
      const variable = names.variable(`header_${index}`);
      if (saysCacheControl(options) && isOfStored(name.toLowerCase())) return forCachesMap(names, variable, value);
      return map(names.variable('status'), variable, [
        ['nginx; hit', value],
        ...(sendsCopies(options) ? [[STALE_STATUS, value] as [string, string]] : []),
      ]);
    }),
    ...schemeMaps(trustedProxies, names),
    '# The Host field with its port, unless it contradicts the request line.',
    ...map('"$host|$http_host"', names.variable('host'), [
      ['default', '$host'],
      ['~*^([^|]+)\\|\\1\\.?(?::[0-9]+)?$', '$http_host'],
    ]),
    ...staleMaps(site),
    ...fragmentMaps(site),
    ...(options.hosts
      ? [
          '# For pages: with a port only if nginx listens on it. A page that shows it is stored only if `origin` has that port.',
          ...map('"$host:$server_port|$http_host"', names.variable('page_host'), [
            ['default', '$host'],
            ['~*^([^|]+)\\|\\1$', '$host:$server_port'],
          ]),
        ]
      : []),
  ];
}

/** Usually, everybody can read nginx.conf. */
function secretFiles({ options, names }: Site): Record<string, string> {
  const secret = allRules(options.rules).filter(({ isSecret }) => isSecret);
  return Object.fromEntries(secret.map((rule) => [names.of(`${rule.reason}.conf`), text(ruleMaps(rule, names).lines)]));
}

function serverBlock(site: Site, flavour: Flavour, place: CheckedDeployment): string[] {
  const { names, options } = site;
  // A page that is only a body has the status 200, and nothing of it belongs to a refusal of nginx.
  const always = options.keepsHeaders ? ' always' : '';
  return [
    '# Says so when a page comes from the cache (RFC 9211). It stands here and not in the location, where nginx would forget',
    '# the add_header of the server for it: Strict-Transport-Security and the like belong to cached pages as well.',
    '# There is no `set` for it here: subrequests of the site (auth_request, mirror) run that, too, and share their variables with the hit.',
    '# nginx calls it a duplicate where two sites stand in one server {}: each needs a server {} of its own.',
    'uninitialized_variable_warn off;',
    `add_header Cache-Status ${names.variable('status')}${always};`,
    ...(saysCacheControl(options) ? [`add_header Cache-Control ${names.variable('cache_control')};`] : []),
    ...hitHeaders(options).map(([name], index) => `add_header ${name} ${names.variable(`header_${index}`)};`),
    '',
    ...place.locations.flatMap((location) => [...block(`location ${location}`, flavour.location(site, location)), '']),
    ...separated(flavour.locations(site, place.locations)),
    ...appLocations(site, place, flavour.fragment(site)),
    ...staleLocations(site, flavour),
    '',
    '# What nginx refuses.',
    ...refusalLocations(names),
  ];
}

/** The header fields that the flavour does not keep with the page. */
function hitHeaders(options: CheckedOptions): readonly HeaderField[] {
  const { keepsHeaders, headers } = options;
  if (keepsHeaders) return [];
  return saysCacheControl(options) ? headers.filter(([name]) => name.toLowerCase() !== 'cache-control') : headers;
}

/** A whole nginx.conf has nothing else for other addresses: nginx would show files of its own. */
function elsewhere({ locations }: CheckedDeployment): string[] {
  return locations.some((location) => /^(?:\^~ )?\/$/.test(location))
    ? []
    : ['', ...block('location /', ['return 404;'])];
}

function separated(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [...lines, ''];
}

/** The certificates that nginx checks the certificate of memcached with. */
function trustedFiles({ options, names }: Site): Record<string, string> {
  const { ca } = options.store.tls ?? {};
  return ca === undefined ? {} : { [trustedFile(names)]: ca };
}

/** nginx has no command to authenticate. And with TLS, the address after `server`, which nginx hashes, is that of a local socket. */
function mustBeReadable({ isAuthenticated, tls, servers = [] }: PageStoreDefinition): void {
  if (isAuthenticated) {
    throw new NginxCacheConfigError(
      'memcachedStore.credentials',
      '(not shown)',
      'left out: nginx cannot authenticate to memcached',
    );
  }
  if (tls && servers.length > 1) {
    throw new NginxCacheConfigError(
      'memcachedStore.tls',
      tls,
      'left out where there are several servers (docs/cluster.md)',
    );
  }
  if (tls && tls.ca === undefined) {
    throw new NginxCacheConfigError('memcachedStore.tls.ca', undefined, 'set: nginx has no certificates of its own');
  }
  if (tls && servers.some(({ address }) => servernameOf(address, tls) === undefined)) {
    throw new NginxCacheConfigError(
      'memcachedStore.tls.servername',
      undefined,
      'set, because the address is not a name, and nginx compares names',
    );
  }
}

/** A request for a host that the site does not have gets no answer. In somebody else's `server`, that is not for us to decide. */
function strangers({ options, names }: Site): string[] {
  return options.hosts ? refuse(names.variable('bypass_host'), 444) : [];
}

function refuse(condition: string, status: number): string[] {
  return [`if (${condition}) {`, `    return ${status};`, '}', ''];
}

function text(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
