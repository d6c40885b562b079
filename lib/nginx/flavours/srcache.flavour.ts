import { withFragmentBodies } from '../../page/fragment-format.js';
import { NONCES_MAX_COUNT, PAGE_NONCE } from '../../page/page-nonce.js';
import { POLICY_FIELDS, srcacheFormat } from '../../page/srcache-format.js';
import type { CheckedOptions } from '../../options/checked-options.js';
import type { Flavour, Site } from './flavour.js';
import { wholeResponses } from './whole-responses.js';
import {
  assembledResponse,
  decision,
  memcachedPass,
  placedBy,
  storedFragment,
  storedLocation,
  wholeResponse,
} from './lookup.js';
import { fragmentDecision, ssiLocation } from '../fragment-locations.js';
import { literal } from '../../rules/pattern.js';
import type { SiteNames } from '../variables.js';
import { refusalLocations, refusals } from '../refusals.js';
import { copyKeyMaps, sendsCopies } from '../stale-locations.js';
import { block, map } from '../syntax.js';

/** With `compress: false`, the types that nginx compresses by itself, besides text/html. */
const TEXT_TYPES =
  'text/css text/plain text/xml application/javascript application/json application/xml application/atom+xml ' +
  'application/rss+xml application/xhtml+xml image/svg+xml';

/**
 * Whole responses, read by srcache-nginx-module with memc-nginx-module: header fields, validators, conditional requests. The module only
 * reads (`srcache_fetch`): the application decides what is stored.
 *
 * @see https://github.com/openresty/srcache-nginx-module
 * @see https://github.com/openresty/memc-nginx-module
 */
export const srcacheFlavour: Flavour = {
  name: 'srcache',
  ...wholeResponses,
  format: () => withFragmentBodies(srcacheFormat),

  modules: () => ['ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],

  http: ({ names, options }) => [
    ...policyMaps(names, options),
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

  location: (site) => [...decision(site), ...fragmentDecision(site), ...page(site, PAGE)],

  locations: (site) => [
    ...policies(site),
    ...stored(site, 'stored', '$args'),
    '',
    ...block(`location @${site.names.of('broken')}`, ['return 444;']),
    ...refusalLocations(site.names, UNSATISFIABLE),
    ...ssiLocation(site, () => page(site, PAGE, assembledResponse())),
  ],

  copy: (site) => [...fragmentDecision(site, 'stale_ssi'), ...page(site, COPY)],
  copyLocations: (site) => [
    '',
    ...stored(site, COPY.stored, site.names.variable('copy_key')),
    ...ssiLocation(site, () => page(site, COPY, assembledResponse()), 'stale_ssi'),
  ],

  fragment: (site) => storedFragment(site, 'memc', 'text/html'),
  files: () => ({}),
};

/** nginx writes the header twice before it answers a range that is behind the end, and would add `Cache-Status` each time. */
const UNSATISFIABLE = [416];

/** Nothing can remove a field from what srcache has read. So a policy with a nonce is kept in a field of another name. */
function policyMaps(names: SiteNames, { fragments }: CheckedOptions): string[] {
  if (!fragments.isUsed) return [];
  return [
    '',
    '# The policy of a page, with the nonce of this response. There is a pattern for each number of nonces.',
    ...[...POLICY_FIELDS.values()].flatMap((field, index) => {
      const kept = `$sent_http_${field.toLowerCase().replaceAll('-', '_')}`;
      const patterns = Array.from({ length: NONCES_MAX_COUNT }, (_, more) => pattern(names, more + 1));
      return map(`"${names.variable('status')}|${kept}"`, names.variable(`policy_${index}`), patterns);
    }),
  ];
}

function pattern(names: SiteNames, nonces: number): [string, string] {
  const parts = Array.from({ length: nonces + 1 }, (_, part) => names.of(`csp_${part}`));
  const source = parts.map((part) => `(?<${part}>[^{]*)`).join(literal(PAGE_NONCE));
  return [`~^nginx; [^|]*\\|${source}$`, parts.map((part) => `$${part}`).join('$request_id')];
}

function policies({ names, options }: Site): string[] {
  if (!options.fragments.isUsed) return [];
  const fields = [...POLICY_FIELDS.keys()];
  return fields.map((name, index) => `add_header ${name} ${names.variable(`policy_${index}`)} always;`);
}

/** The location of the subrequest, and the variable that says where a request goes that has found nothing. */
const PAGE = { stored: 'stored', otherwise: 'not_fetched' };
const COPY = { stored: 'stored_copy', otherwise: 'copy_not_fetched' };

/** @param sending the lines that say how it is sent */
function page({ names, options }: Site, { stored, otherwise }: typeof PAGE, sending = always(options)): string[] {
  return [
    '# The key is an argument: a subrequest of srcache has variables of its own.',
    `srcache_fetch GET ${names.of(stored)} ${names.variable('key')};`,
    '# This file does not exist, so nginx always uses the next argument.',
    'root /dev/null;',
    `try_files /- ${names.variable(otherwise)};`,
    ...refusals(names),
    ...refusals(names, UNSATISFIABLE),
    '# The error pages of the site apply if the application does not answer.',
    'recursive_error_pages on;',
    '',
    ...sending,
  ];
}

function always(options: CheckedOptions): string[] {
  return [...wholeResponse(), 'if_modified_since before;', ...compression(options)];
}

/** @param key a variable with the key to look up; `$args` is the key of the page */
function stored(site: Site, location: string, key: string): string[] {
  return storedLocation(
    site,
    [`set $memc_key ${key};`, ...placedBy(site, '$args'), 'memc_cmds_allowed get;', ...memcachedPass(site, 'memc')],
    location,
  );
}

function compression({ compress }: CheckedOptions): string[] {
  if (compress) return ['gzip off;'];
  return ['gzip on;', 'gzip_vary on;', 'gzip_min_length 1000;', `gzip_types ${TEXT_TYPES};`];
}
