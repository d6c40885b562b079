import { HEAD_MAX_LENGTH } from '../../page/response-format.js';
import type { Flavour } from './flavour.js';
import { wholeResponses } from './whole-responses.js';
import { decision, fallback, memcachedPass, storedLocation, wholeResponse } from './lookup.js';
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

  modules: () => ['ngx_http_js_module.so'],

  http: ({ names, directory }) => ['', `js_import ${names.of('njs')} from ${directory}/${names.of(FILE)};`],

  location: (site) => [
    ...decision(site, '$memcached_key'),
    `js_content ${site.names.of('njs')}.serve;`,
    ...fallback(site),
    '',
    ...wholeResponse(),
    'gzip off;',
    '# From njs 0.8 on, nginx would put its own scheme and port in front of a path in Location.',
    'absolute_redirect off;',
  ],

  locations: (site) =>
    storedLocation(site, [
      '# The subrequests of njs share their variables with the request, and begin with the `set` of the server.',
      `set ${site.names.variable('status')} "nginx; hit";`,
      ...memcachedPass(site, 'memcached'),
      '# njs reads a value whole. As much as it has is allocated.',
      `subrequest_output_buffer_size ${site.options.maxPageBytes + HEAD_MAX_LENGTH};`,
    ]),

  files: ({ names }) => ({ [names.of(FILE)]: njsModule(names.of('stored')) }),
};
