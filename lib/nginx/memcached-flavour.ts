import type { CheckedOptions } from '../options/check-options.js';
import { GZIP_FLAG } from '../page/page-format.js';
import { block, quoted } from './syntax.js';
import type { SiteNames } from './variables.js';

/** nginx gives up on memcached after this time, so that a stopped server costs a visitor less than 50 ms. */
const MEMCACHED_TIMEOUT = '40ms';

/** The location that looks a page up in memcached (ngx_http_memcached_module) and goes to the application without. */
export function memcachedLocation({ contentType }: CheckedOptions, names: SiteNames, bypass: string): string[] {
  const [type, charset = 'off'] = contentType.split(/; ?charset=/i);
  return block('location /', [
    '# `set` evaluates all of it here, in the main request.',
    `set ${names.variable('reason')} ${quoted(bypass)};`,
    `set $memcached_key ${names.variable('key')};`,
    '# 418 never leaves nginx: it is the way from here to a named location.',
    `error_page 418 = @${names.of('bypass')};`,
    `if (${names.variable('reason')}) {`,
    '    return 418;',
    '}',
    '',
    `memcached_pass ${names.of('memcached')};`,
    `memcached_connect_timeout ${MEMCACHED_TIMEOUT};`,
    `memcached_send_timeout ${MEMCACHED_TIMEOUT};`,
    `memcached_read_timeout ${MEMCACHED_TIMEOUT};`,
    'memcached_buffer_size 16k;',
    '# Not there, or no (sound) answer: the application. Pages, not errors, are what is looked for.',
    `error_page 404 500 502 503 504 = ${names.variable('fallback')};`,
    '# Let the error pages of the site work for what the application answers.',
    'recursive_error_pages on;',
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
    'add_header Cache-Status "nginx; hit";',
  ]);
}
