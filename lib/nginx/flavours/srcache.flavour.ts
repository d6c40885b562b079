import { srcacheFormat } from '../../page/srcache-format.js';
import type { Flavour, Site } from './flavour.js';
import { wholeResponses } from './whole-responses.js';
import { decision, memcachedPass, placedBy, storedLocation, wholeResponse } from './lookup.js';
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
  ...wholeResponses,
  format: () => srcacheFormat,

  modules: () => ['ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],

  http: ({ names }) => [
    '',
    '# Where a request goes when srcache has found no page. A status is there when it began to read one that broke off: srcache',
    '# leaves that header in the response, so the connection is closed, as by a server that breaks off.',
    ...map('$status', names.variable('not_fetched'), [
      ['default', `@${names.of('broken')}`],
      ['000', names.variable('fallback')],
    ]),
  ],

  location: (site) => [
    ...decision(site),
    '# The key is an argument: a subrequest of srcache has variables of its own.',
    `srcache_fetch GET ${site.names.of('stored')} ${site.names.variable('key')};`,
    '# There is no such file, so it always comes to the second.',
    'root /dev/null;',
    `try_files /- ${site.names.variable('not_fetched')};`,
    '',
    ...wholeResponse(),
    'if_modified_since before;',
    ...compression(site),
  ],

  locations: (site) => [
    ...storedLocation(site, [
      'set $memc_key $args;',
      ...placedBy(site, '$args'),
      'memc_cmds_allowed get;',
      ...memcachedPass(site, 'memc'),
    ]),
    '',
    ...block(`location @${site.names.of('broken')}`, ['return 444;']),
  ],

  files: () => ({}),
};

function compression({ options }: Site): string[] {
  if (options.compress) return ['gzip off;'];
  return ['gzip on;', 'gzip_vary on;', 'gzip_min_length 1000;', `gzip_types ${TEXT_TYPES};`];
}
