import { bodyFormat } from '../../page/body-format.js';
import { GZIP_FLAG } from '../../page/page-format.js';
import { contentType, gzipTypes, typeDecision, typeLocations, typeMaps } from '../content-types.js';
import type { Flavour, Site } from './flavour.js';
import { decision, fallback, memcachedPass } from './lookup.js';

/** The body alone, looked up by nginx's own module (ngx_http_memcached_module). */
export const memcachedFlavour: Flavour = {
  name: 'memcached',
  store: 'memcached',
  statuses: [200],
  because: 'the memcached flavour stores no status',
  format: bodyFormat,

  modules: () => [],
  http: typeMaps,
  location: (site) => [...decision(site, '$memcached_key'), ...typeDecision(site), ...page(site)],
  locations: (site) => typeLocations(site, (type) => page(site, type)),
  files: () => ({}),
};

function page(site: Site, type = site.options.contentTypes.ofAll): string[] {
  return [
    ...memcachedPass(site, 'memcached'),
    ...fallback(site),
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
