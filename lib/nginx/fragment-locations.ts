import { assembledCacheControl } from '../fragments/page-assembly.js';
import { ADDRESS_MAX_LENGTH } from '../fragments/fragment-address.js';
import { LESS_THAN_VARIABLE } from '../fragments/ssi-form.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { FRAGMENT_PATH, SHARED_FRAGMENT_PATH } from '../page/fragment-paths.js';
import { fragmentForm } from '../page/page-key.js';
import { pathPattern } from '../rules/path.rule.js';
import type { Site } from './flavours/flavour.js';
import { regexp } from './rule-map.js';
import { STALE_STATUS } from './stale-locations.js';
import { block, map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** Pages with fragments have a location of their own, and so do the copies that outlive them. */
type Of = 'ssi' | 'stale_ssi';

const SSI = ['ssi on;', 'ssi_silent_errors on;', `ssi_value_length ${ADDRESS_MAX_LENGTH};`];

/** Every status that means that there is no fragment; nginx itself answers 502 and 504. */
// prettier-ignore
const FAILURES = [
  300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424,
  425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 508, 511,
];

/** Which pages are read with the SSI filter, as `FragmentPaths` decides, and the word for that in their keys. */
export function fragmentMaps({ names, options }: Site): string[] {
  const { fragments, form, contentTypes } = options;
  if (!fragments.isUsed) return [];
  const lines = fragments.patterns.map((path): [string, string] => [regexp(pathPattern(path)), 'yes']);
  const [decoded, path] = [names.variable('ssi_decoded'), names.variable('ssi_path')];
  const hasTypes = contentTypes.others.length > 0;
  return [
    '',
    '# Pages that contain fragments: nginx passes only these through its SSI filter.',
    ...map('$uri', decoded, [['default', ''], ...lines]),
    ...map(names.variable('path'), path, [['default', decoded], ...lines]),
    '# A page with another content type has none.',
    ...map(hasTypes ? names.variable('type') : '""', names.variable('ssi'), [
      ['default', hasTypes ? '' : path],
      ['', path],
    ]),
    ...map(names.variable('ssi'), names.variable('form'), [
      ['default', form === '' ? '' : `;${form}`],
      ['yes', `;${fragmentForm(form)}`],
    ]),
    ...(saysCacheControl(options) ? cacheControlMap(options, names) : []),
  ];
}

function cacheControlMap({ headers }: CheckedOptions, names: SiteNames): string[] {
  const cacheControl = headers.find(([name]) => name.toLowerCase() === 'cache-control')?.[1];
  return [
    '# What a page with fragments says to a browser, and what all others say.',
    ...forCachesMap(names, names.variable('cache_control'), cacheControl, assembledCacheControl(cacheControl ?? '')),
  ];
}

/**
 * The map of a field that tells caches what they may keep.
 *
 * @param value what pages without fragments say
 * @param assembled what pages with fragments say: by default, nothing
 */
export function forCachesMap(
  names: SiteNames,
  variable: string,
  value: string | undefined,
  assembled?: string,
): string[] {
  const lines: [string, string][] = [
    ...(assembled === undefined ? [] : [['~^yes\\|nginx; ', assembled] as [string, string]]),
    ...(value === undefined
      ? []
      : ([
          ['|nginx; hit', value],
          [STALE_STATUS.replace('^', '^\\|'), value],
        ] as [string, string][])),
  ];
  return map(`"${names.variable('assembled')}|${names.variable('status')}"`, variable, lines);
}

/** Whether nginx sends a `Cache-Control` that depends on whether a page has fragments. Then it is not a field of every page. */
export function saysCacheControl({ fragments, keepsHeaders }: CheckedOptions): boolean {
  return fragments.isUsed && !keepsHeaders;
}

/** Leads a request that may be answered from the cache to the location of pages with fragments. */
export function fragmentDecision({ names, options }: Site, of: Of = 'ssi'): string[] {
  if (!options.fragments.isUsed) return [];
  return [
    '# This status never leaves nginx, either.',
    `error_page 420 = @${names.of(of)};`,
    `if (${names.variable('ssi')}) {`,
    '    return 420;',
    '}',
    ...noSsi(options),
  ];
}

/** @param page the lines that send a page */
export function ssiLocation({ names, options }: Site, page: () => string[], of: Of = 'ssi'): string[] {
  if (!options.fragments.isUsed) return [];
  return block(`location @${names.of(of)}`, [
    '# The module replaces the beginning of every directive that is not its own by a directive that prints this text.',
    `set $${LESS_THAN_VARIABLE} "<";`,
    ...(saysCacheControl(options) ? [`set ${names.variable('assembled')} "yes";`] : []),
    ...SSI,
    '# Otherwise nginx holds the last bytes back until the client has read the others.',
    'postpone_output 0;',
    ...page(),
  ]);
}

/** For locations whose content is not read with the SSI filter: nobody may execute what is in it. */
export function noSsi({ fragments }: CheckedOptions): string[] {
  return fragments.isUsed ? ['ssi off;'] : [];
}

/**
 * The location in which nginx asks the application for fragments. A failure has no content, so the page shows its fallback.
 *
 * @param pass the lines that pass a request to the application
 * @param stored the lines that read a fragment from the store
 */
export function fragmentLocations(
  { names, options }: Site,
  pass: readonly string[],
  stored: readonly string[],
): string[] {
  if (!options.fragments.isUsed) return [];
  const wait = `${options.fragmentTimeout}ms`;
  return [
    '',
    '# Visitors cannot request this location.',
    ...block(`location ^~ ${FRAGMENT_PATH}`, [
      'internal;',
      ...pass,
      'proxy_method GET;',
      'proxy_pass_request_body off;',
      ...['connect', 'send', 'read'].map((step) => `proxy_${step}_timeout ${wait};`),
      '# A process that is being restarted must not cost a visitor the fragment. That is known at once; and a fragment that breaks off later',
      '# is not asked for again: together, it would take longer than nginx waits for the rest of the page.',
      'proxy_next_upstream error;',
      'proxy_next_upstream_timeout 500ms;',
      'proxy_intercept_errors on;',
      `error_page ${FAILURES.join(' ')} = @${names.of('no_fragment')};`,
      'ssi off;',
    ]),
    '',
    '# Shared fragments are in the store. If one is missing, the stub in the page leads to the location above.',
    ...block(`location ^~ ${SHARED_FRAGMENT_PATH}`, ['internal;', ...SSI, ...stored]),
    '',
    ...block(`location @${names.of('no_fragment')}`, [
      '# A visitor requested a fragment directly: no SSI filter has included it.',
      `if ($${LESS_THAN_VARIABLE} = "") {`,
      '    return 404;',
      '}',
      'ssi off;',
      'return 204;',
    ]),
  ];
}

/** The form in the key of a page, with the `;` before it, if the form depends on the path. */
export function formVariable(names: SiteNames): string {
  return names.variable('form');
}
