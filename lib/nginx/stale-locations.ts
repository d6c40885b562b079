import { COPY_MARK } from '../page/copy-key.js';
import { MEMCACHED_KEY_MAX_LENGTH } from '../page/memcached-key.js';
import { shortKeySources } from '../page/page-key.js';
import type { CheckedOptions } from '../options/checked-options.js';
import type { Flavour, Site } from './flavours/flavour.js';
import { refusals } from './refusals.js';
import { block, map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** The statuses that nginx answers when the application does not: it could not be reached or hung up (502), or it was too slow (504). */
const FAILURES = [502, 504];

/** Whether nginx sends copies of pages when the application does not answer. */
export function sendsCopies({ stale }: CheckedOptions): boolean {
  return stale !== undefined && stale.ifError > 0;
}

/** `staleIfError`: where a request goes that the application has not answered, and what `Cache-Status` says then. */
export function staleMaps({ options, names }: Site): string[] {
  if (!sendsCopies(options)) return [];
  const failure = (value: (status: number) => string) => {
    const [usual = 0, ...others] = FAILURES;
    return [['default', value(usual)], ...others.map((one) => [`~${one}$`, value(one)])] as [string, string][];
  };
  return [
    '',
    '# The application did not answer: send the copy of the page. If there is no copy, send an error of nginx.',
    ...map(
      '$upstream_status',
      names.variable('failed'),
      failure((status) => `@${names.of(`failed_${status}`)}`),
    ),
    ...map('$upstream_status', names.variable('stale'), failure(staleStatus)),
  ];
}

/** RFC 9211, section 2.2: forwarded although there was a copy, since the copy was stale. Without an answer, the status is the gateway's. */
function staleStatus(status: number): string {
  return `nginx; fwd=stale; fwd-status=${status}; detail=stale-if-error`;
}

/** How `Cache-Status` begins when nginx sends a copy. */
export const STALE_STATUS = '~^nginx; fwd=stale';

/**
 * The key of the copy in memcached, as `copyKey()` makes it: empty if it would be too long.
 *
 * @param key a variable with the key of the page
 */
export function copyKeyMaps(names: SiteNames, key: string): string[] {
  const [fits, lead, rest] = ['copy_fits', 'copy_lead', 'copy_rest'].map((name) => names.of(name));
  return [
    ...map(key, `$${fits}`, [
      ['default', ''],
      ...shortKeySources(MEMCACHED_KEY_MAX_LENGTH - COPY_MARK.length).map((one): [string, string] => [
        `~${one}`,
        'yes',
      ]),
    ]),
    ...map(`"$${fits}${key}"`, names.variable('copy_key'), [
      ['default', ''],
      [`~^yes(?<${lead}>[^/]*)(?<${rest}>/.*)$`, `$${lead}${COPY_MARK}$${rest}`],
    ]),
  ];
}

/** For a location that leads to the application. */
export function orCopy({ options, names }: Site): string[] {
  if (!sendsCopies(options)) return [];
  return [
    '# A response of the application goes to the visitor unchanged: the application has already looked for a copy.',
    'proxy_intercept_errors off;',
    `error_page ${FAILURES.join(' ')} = @${names.of('stale')};`,
    ...refusals(names),
    'recursive_error_pages on;',
  ];
}

/** For the location of copies, when it ends with an error. */
export function orFailure({ names }: Site): string[] {
  return [`error_page 403 404 500 502 504 = ${names.variable('without_copy')};`, 'recursive_error_pages on;'];
}

export function staleLocations(site: Site, flavour: Flavour): string[] {
  const { options, names } = site;
  if (!sendsCopies(options)) return [];
  return [
    '',
    ...block(`location @${names.of('stale')}`, [
      '# `set` evaluates both here: what is asked for the copy answers as well.',
      `set ${names.variable('status')} ${names.variable('stale')};`,
      `set ${names.variable('without_copy')} ${names.variable('failed')};`,
      ...flavour.copy(site),
    ]),
    ...flavour.copyLocations(site),
    '',
    '# As if there were no copies: with the error pages of the server.',
    ...FAILURES.flatMap((status) =>
      block(`location @${names.of(`failed_${status}`)}`, [`set ${names.variable('status')} "";`, `return ${status};`]),
    ),
  ];
}
