import { withFragmentBodies } from '../../page/fragment-format.js';
import { HEAD_MAX_LENGTH, responseFormat } from '../../page/response-format.js';
import type { Flavour, Site } from './flavour.js';
import { wholeResponses } from './whole-responses.js';
import { copyKeyMaps, orFailure, sendsCopies } from '../stale-locations.js';
import { fragmentDecision, ssiLocation } from '../fragment-locations.js';
import {
  assembledResponse,
  decision,
  fallback,
  memcachedPass,
  storedFragment,
  storedLocation,
  wholeResponse,
} from './lookup.js';
import { njsModule } from './njs-module.js';

/** Relative to the directory. */
const FILE = 'page-cache.njs';

/**
 * Whole responses, read by a small njs module (0.7.9 or newer) from a subrequest to nginx's own memcached module.
 *
 * @see https://nginx.org/en/docs/njs/reference.html
 */
export const njsFlavour: Flavour = {
  name: 'njs',
  ...wholeResponses,
  format: () => withFragmentBodies(responseFormat),

  modules: () => ['ngx_http_js_module.so'],

  http: ({ names, options, directory }) => [
    '',
    `js_import ${names.of('njs')} from ${directory}/${names.of(FILE)};`,
    ...(sendsCopies(options) ? copyKeyMaps(names, names.variable('key')) : []),
  ],

  location: (site) => [...decision(site, '$memcached_key'), ...fragmentDecision(site), ...page(site, fallback(site))],

  copy: (site) => [
    `set $memcached_key ${site.names.variable('copy_key')};`,
    ...fragmentDecision(site, 'stale_ssi'),
    ...page(site, orFailure(site)),
  ],
  copyLocations: (site) => ssiLocation(site, () => assembled(site, orFailure(site)), 'stale_ssi'),

  locations: (site) => [
    ...storedLocation(site, [
      ...memcachedPass(site, 'memcached'),
      '# njs reads a value as a whole, so it allocates as much as the value needs.',
      `subrequest_output_buffer_size ${site.options.maxPageBytes + HEAD_MAX_LENGTH};`,
    ]),
    ...ssiLocation(site, () => assembled(site, fallback(site))),
  ],

  fragment: (site) => [
    ...storedFragment(site, 'memcached', 'text/html'),
    '# A stub has the type of what it stands in (ngx_http_ssi_stub_output), which njs has set with its charset.',
    'ssi_types *;',
  ],
  files: ({ names }) => ({ [names.of(FILE)]: njsModule(names.of('stored')) }),
};

/** @param otherwise the lines for when there is no page */
function page(site: Site, otherwise: string[]): string[] {
  return content(site, 'serve', otherwise, [...wholeResponse(), 'gzip off;']);
}

function assembled(site: Site, otherwise: string[]): string[] {
  return content(site, 'serveWithFragments', otherwise, [
    ...assembledResponse(),
    '# All pages here are text/html. If njs sets a type with a charset, the filters of nginx do not recognize it as text/html.',
    'ssi_types *;',
    'gzip_types *;',
  ]);
}

function content({ names }: Site, handler: string, otherwise: string[], sending: string[]): string[] {
  return [
    `js_content ${names.of('njs')}.${handler};`,
    ...otherwise,
    '',
    ...sending,
    '# With njs 0.8 and newer, nginx would put its own scheme and port in front of a path in Location.',
    'absolute_redirect off;',
  ];
}
