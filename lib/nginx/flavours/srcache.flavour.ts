import { srcacheFormat } from '../../page/srcache-format.js';
import type { Flavour, Site } from './flavour.js';
import { wholeResponses } from './whole-responses.js';
import { decision, memcachedPass, placedBy, storedLocation, wholeResponse } from './lookup.js';
import { copyKeyMaps, sendsCopies } from '../stale-locations.js';
import { block, map } from '../syntax.js';

/** With `compress: false`, what nginx compresses by itself, besides text/html. */
const TEXT_TYPES =
  'text/css text/plain text/xml application/javascript application/json application/xml application/atom+xml ' +
  'application/rss+xml application/xhtml+xml image/svg+xml';

/**
 * Whole responses, read by srcache-nginx-module with memc-nginx-module: header fields, validators, conditional requests. It only
 * reads (`srcache_fetch`); what is stored is for the application to decide.
 *
 * @see https://github.com/openresty/srcache-nginx-module
 * @see https://github.com/openresty/memc-nginx-module
 */
export const srcacheFlavour: Flavour = {
  name: 'srcache',
  hasFragments: false,
  ...wholeResponses,
  format: () => srcacheFormat,

  modules: () => ['ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],

  http: ({ names, options }) => [
    '',
    '# Where a request goes when srcache has found no page. A status is there when it began to read one that broke off: srcache',
    '# leaves that header in the response, so the connection is closed, as by a server that breaks off.',
    ...map('$status', names.variable('not_fetched'), [
      ['default', `@${names.of('broken')}`],
      ['000', names.variable('fallback')],
    ]),
    ...(sendsCopies(options)
      ? [
          ...map('$status', names.variable('copy_not_fetched'), [
            ['default', `@${names.of('broken')}`],
            ['000', names.variable('without_copy')],
          ]),
          ...copyKeyMaps(names, '$args'),
        ]
      : []),
  ],

  location: (site) => [...decision(site), ...page(site, 'stored', 'not_fetched')],

  locations: (site) => [
    ...stored(site, 'stored', '$args'),
    '',
    ...block(`location @${site.names.of('broken')}`, ['return 444;']),
  ],

  copy: (site) => page(site, 'stored_copy', 'copy_not_fetched'),
  copyLocations: (site) => ['', ...stored(site, 'stored_copy', site.names.variable('copy_key'))],

  files: () => ({}),
};

/**
 * @param location that of the subrequest
 * @param otherwise a variable with the location where a request goes that has found nothing
 */
function page(site: Site, location: string, otherwise: string): string[] {
  return [
    '# The key is an argument: a subrequest of srcache has variables of its own.',
    `srcache_fetch GET ${site.names.of(location)} ${site.names.variable('key')};`,
    '# There is no such file, so it always comes to the second.',
    'root /dev/null;',
    `try_files /- ${site.names.variable(otherwise)};`,
    ...(sendsCopies(site.options)
      ? [
          '# Let the error pages of the site work for what the application does not answer.',
          'recursive_error_pages on;',
        ]
      : []),
    '',
    ...wholeResponse(),
    'if_modified_since before;',
    ...compression(site),
  ];
}

/** @param key a variable with what is looked up, where `$args` is the key of the page */
function stored(site: Site, location: string, key: string): string[] {
  return storedLocation(
    site,
    [`set $memc_key ${key};`, ...placedBy(site, '$args'), 'memc_cmds_allowed get;', ...memcachedPass(site, 'memc')],
    location,
  );
}

function compression({ options }: Site): string[] {
  if (options.compress) return ['gzip off;'];
  return ['gzip on;', 'gzip_vary on;', 'gzip_min_length 1000;', `gzip_types ${TEXT_TYPES};`];
}
