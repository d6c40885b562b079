import { bodyFormat } from '../../page/body-format.js';
import { GZIP_FLAG } from '../../page/page-format.js';
import { contentType, gzipTypes, typeDecision, typeLocations, typeMaps } from '../content-types.js';
import { fragmentDecision, ssiLocation } from '../fragment-locations.js';
import type { Flavour, Site } from './flavour.js';
import { copyKeyMaps, orFailure, sendsCopies } from '../stale-locations.js';
import { endsInSlash, slashDecision, slashLocation } from './slash-at-the-end.js';
import { decision, fallback, memcachedPass, patience, storedFragment } from './lookup.js';

/** Only the body is kept, and looked up by nginx's own module (ngx_http_memcached_module). */
export const memcachedFlavour: Flavour = {
  name: 'memcached',
  store: 'memcached',
  statuses: [200],
  because: 'the memcached flavour stores no status',
  format: bodyFormat,

  modules: () => [],
  http: (site) => [...typeMaps(site), ...copyMaps(site)],
  location: (site, location) => [
    ...decision(site, '$memcached_key'),
    ...fragmentDecision(site),
    ...typeDecision(site),
    ...(endsInSlash(location) ? slashDecision(site.names) : page(site)),
  ],
  locations: (site, locations) => [
    ...(locations.some(endsInSlash) ? [...slashLocation(site.names, page(site)), ''] : []),
    ...typeLocations(site, (type) => page(site, type)),
    ...ssiLocation(site, () => assembled(site)),
  ],
  copy: (site) => [
    `set $memcached_key ${site.names.variable('copy_key')};`,
    ...fragmentDecision(site, 'stale_ssi'),
    ...typeDecision(site, 'stale_type'),
    ...page(site, site.options.contentTypes.ofAll, orFailure(site)),
  ],
  copyLocations: (site) => {
    const copy = (type = site.options.contentTypes.ofAll) => page(site, type, orFailure(site));
    return [
      ...typeLocations(site, copy, 'stale_type'),
      ...ssiLocation(site, () => assembled(site, orFailure(site)), 'stale_ssi'),
    ];
  },
  fragment: (site) => storedFragment(site, 'memcached', site.options.contentTypes.ofAll),
  files: () => ({}),
};

function assembled(site: Site, otherwise = fallback(site)): string[] {
  return page(site, site.options.contentTypes.ofAll, otherwise, patience(site));
}

function copyMaps({ options, names }: Site): string[] {
  return sendsCopies(options) ? copyKeyMaps(names, names.variable('key')) : [];
}

/** @param otherwise the lines for when there is no page */
function page(site: Site, type = site.options.contentTypes.ofAll, otherwise = fallback(site), read?: string): string[] {
  return [
    ...memcachedPass(site, 'memcached', read),
    ...otherwise,
    '',
    `memcached_gzip_flag ${GZIP_FLAG};`,
    'gunzip on;',
    'gzip on;',
    'gzip_vary on;',
    'gzip_proxied any;',
    'gzip_min_length 1000;',
    ...gzipTypes(type),
    ...contentType(type),
  ];
}
