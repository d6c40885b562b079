import { contentType } from '../content-types.js';
import { noSsi } from '../fragment-locations.js';
import { fragmentKey } from '../key-maps.js';
import { block, quoted } from '../syntax.js';
import { refusals } from '../refusals.js';
import { PLACED_BY } from '../upstreams.js';
import type { Site } from './flavour.js';

/** What all flavours that ask memcached have in common. */

/** nginx gives up on memcached after this time, so that a stopped server costs a visitor less than 50 ms. */
const MEMCACHED_TIMEOUT = '40ms';

/**
 * How much of a page nginx reads at once. A stored page that is larger costs more: one of 190 KB costs twice as much with 16k. Smaller pages
 * cost the same with any size, since memory that is not written to is not taken. From 128k on, malloc asks the kernel for each buffer.
 */
const BUFFER_SIZE = '64k';

const OWN_TYPE = ['types { }', 'default_type "";', 'charset off;'];

/**
 * The beginning of each location of pages. A request that the rules keep away from the cache goes to the application. `set` evaluates all of
 * this here, in the main request.
 */
export function decision(site: Site, key?: string): string[] {
  const { names, bypass } = site;
  return [
    '# `set` evaluates all of it here, in the main request.',
    `set ${names.variable('reason')} ${quoted(bypass)};`,
    ...(key ? [`set ${key} ${names.variable('key')};`, ...placedBy(site, names.variable('key'))] : []),
    '# 418 never leaves nginx: it leads from here to a named location.',
    `error_page 418 = @${names.of('bypass')};`,
    `if (${names.variable('reason')}) {`,
    '    return 418;',
    '}',
    '',
    `set ${names.variable('status')} "nginx; hit";`,
  ];
}

/**
 * Of several servers, the one that holds the page is asked.
 *
 * @param key the key of the page, whatever is looked up for it
 */
export function placedBy({ options, names }: Site, key: string): string[] {
  return isSpread(options) ? [`set ${names.variable(PLACED_BY)} ${key};`] : [];
}

function isSpread({ store }: Site['options']): boolean {
  return (store.servers?.length ?? 0) > 1;
}

/**
 * How memcached is asked, by the stock module or by memc, whose directives have the same names.
 *
 * @param read how long nginx waits for its answer
 */
export function memcachedPass(
  { options, names }: Site,
  module: 'memcached' | 'memc',
  read = MEMCACHED_TIMEOUT,
): string[] {
  return [
    `${module}_pass ${names.of('memcached')};`,
    ...(isSpread(options) ? ['# No other server has this page.', `${module}_next_upstream off;`] : []),
    ...['connect', 'send'].map((wait) => `${module}_${wait}_timeout ${MEMCACHED_TIMEOUT};`),
    `${module}_read_timeout ${read};`,
    `${module}_buffer_size ${BUFFER_SIZE};`,
  ];
}

/**
 * For a fragment whose body alone is stored, in the location of the subrequest for it.
 *
 * @param type the content type of fragments
 */
export function storedFragment(site: Site, module: 'memcached' | 'memc', type: string): string[] {
  const key = `$${module}_key`;
  return [
    `set ${key} ${quoted(fragmentKey(site))};`,
    ...placedBy(site, key),
    ...(module === 'memc' ? ['memc_cmds_allowed get;'] : []),
    ...memcachedPass(site, module, patience(site)),
    ...contentType(type),
  ];
}

/** While nginx waits for a fragment, it reads no more of the page around it, and would think that memcached is late. */
export function patience({ options }: Site): string {
  return `${options.fragmentTimeout + 1000}ms`;
}

/** For the location, when it ends with an error. */
export function fallback({ names }: Site): string[] {
  return [
    '# If there is no page, or memcached does not answer correctly, ask the application. 503 is not in the list: only limit_req and',
    '# limit_conn answer it, and they let the request pass when it arrives in another location.',
    `error_page 404 500 502 504 = ${names.variable('fallback')};`,
    ...refusals(names),
    '# The error pages of the site apply to responses of the application.',
    'recursive_error_pages on;',
  ];
}

/**
 * The location in which a subrequest asks for a whole response. Its name does not begin with a slash, so no request from outside can reach
 * it, and it takes no path away from the application.
 */
export function storedLocation({ names, options }: Site, lines: readonly string[], name = 'stored'): string[] {
  return block(`location = ${names.of(name)}`, [
    'internal;',
    ...noSsi(options),
    ...lines,
    '# Not the error pages of the server: the client must see the status.',
    `error_page 418 = @${names.of('bypass')};`,
  ]);
}

/** How a whole response is sent: with its own type, unpacked for clients without gzip. */
export function wholeResponse(): string[] {
  return [...OWN_TYPE, 'gunzip on;', 'gzip_proxied any;'];
}

/** How a whole response with fragments is sent, which is not stored packed. */
export function assembledResponse(): string[] {
  return [...OWN_TYPE, 'gzip on;', 'gzip_vary on;', 'gzip_proxied any;', 'gzip_min_length 1000;'];
}
