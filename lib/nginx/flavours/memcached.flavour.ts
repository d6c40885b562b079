import { bodyFormat } from '../../page/body-format.js';
import { GZIP_FLAG } from '../../page/page-format.js';
import type { Flavour } from './flavour.js';
import { decision, fallback, memcachedPass } from './lookup.js';

/** The body alone, looked up by nginx's own module (ngx_http_memcached_module). */
export const memcachedFlavour: Flavour = {
  name: 'memcached',
  store: 'memcached',
  statuses: [200],
  because: 'the memcached flavour stores no status',
  format: bodyFormat,

  modules: () => [],
  http: () => [],
  location: (site) => {
    const [type, charset = 'off'] = site.options.contentType.split(/; ?charset=/i);
    return [
      ...decision(site, '$memcached_key'),
      ...memcachedPass(site, 'memcached'),
      ...fallback(site),
      '',
      `memcached_gzip_flag ${GZIP_FLAG};`,
      'gunzip on;',
      'gzip on;',
      'gzip_vary on;',
      'gzip_proxied any;',
      'gzip_min_length 1000;',
      ...(type === 'text/html' ? [] : [`gzip_types ${type};`]),
      'types { }',
      `default_type ${type};`,
      `charset ${charset};`,
      ...(charset === 'off' || type === 'text/html' ? [] : [`charset_types ${type};`]),
    ];
  },
  locations: () => [],
  files: () => ({}),
};
