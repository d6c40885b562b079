import { checked } from '../checks/checked.js';
import type { HeaderField } from '../http/fields.js';
import { DEFAULT_IGNORED_COOKIES, type NamePattern } from '../rules/cookie.rule.js';
import { allowedParameters, DEFAULT_IGNORED_PARAMETERS, queryRule } from '../rules/query.rule.js';
import { requestRules, type RuleOptions } from '../rules/request-rules.js';
import { compile } from '../rules/rule.js';
import { variantVary } from '../rules/variant.js';
import type { StoreContext } from '../stores/page-store.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { flavourFor } from '../nginx/flavours/flavours.js';
import { ContentTypes } from '../page/content-types.js';
import { FragmentPaths } from '../page/fragment-paths.js';
import { bodyFormat } from '../page/body-format.js';
import { PAGE_NONCE } from '../page/page-nonce.js';
import { copyLife } from '../page/stale-times.js';
import { DEFAULT_CONTENT_TYPE, pageForm } from './page-form.js';
import { mustFitInNginx } from './nginx-limits.js';
import { optionsSchema } from './options.schema.js';
import { tiersOf } from './tiers.js';

/** Options that must not appear in a log. */
const SECRETS = new Set(['bypassToken', 'remotePurge.token']);

/**
 * Checks the options and completes them.
 *
 * @throws {NginxCacheConfigError} names the first wrong option, what was given, and what is allowed
 */
export function checkOptions(options: NginxCacheOptions = {}): CheckedOptions {
  checked(optionsSchema, options, { secrets: SECRETS });
  const {
    prefix = 'page:',
    query,
    nginx = {},
    compress,
    maxPageBytes = 1_000_000,
    variants = [],
    trailingSlash = 'forbid',
  } = options;
  const hosts = options.hosts === 'any' ? undefined : options.hosts;
  const { store, tier } = tiersOf(options);
  const flavour = flavourFor(store, options);
  const contentTypes = new ContentTypes(nginx.contentType ?? DEFAULT_CONTENT_TYPE, nginx.contentTypes ?? {});
  const fragments = new FragmentPaths(options.fragments ?? [], contentTypes);
  const vary = variantVary(variants);
  const ownHeaders: HeaderField[] = Object.entries(nginx.headers ?? {});
  const unread = fragments.isUsed ? undefined : ownHeaders.find(([, value]) => value.includes(PAGE_NONCE));
  if (unread) {
    throw new NginxCacheConfigError(
      `nginx.headers.${unread[0]}`,
      unread[1],
      `without ${PAGE_NONCE}, or accompanied by fragments, the list of the paths of pages with a nonce`,
    );
  }
  const twice = ownHeaders.find(([name]) => name.toLowerCase() === 'cache-control');
  if (twice && options.clientCacheControl !== undefined) {
    throw new NginxCacheConfigError(
      `nginx.headers.${twice[0]}`,
      twice[1],
      'left out, because clientCacheControl says what Cache-Control every page has',
    );
  }
  // The application sets these two fields itself, on every page.
  const headers: HeaderField[] = [
    ...ownHeaders,
    ...(vary.length === 0 ? [] : [['Vary', vary.join(', ')] as const]),
    ...(options.clientCacheControl === undefined ? [] : [['Cache-Control', options.clientCacheControl] as const]),
  ];
  const statuses = new Set(options.statuses ?? [200]);
  const parameters = allowedParameters(query?.allow);
  const allow = parameters.map(({ name }) => name);
  const ignore = query?.ignore ?? DEFAULT_IGNORED_PARAMETERS;
  const { staleWhileRevalidate = 0, staleIfError = 0 } = options;
  const stale = { whileRevalidate: staleWhileRevalidate, ifError: staleIfError };
  const keepsCopies = copyLife(stale) > 0;
  const storeContext: StoreContext = {
    format: (flavour?.format ?? bodyFormat)(headers, (key) => contentTypes.ofKey(key)),
    prefix,
    maxPageBytes,
    compress: compress !== false,
    mustList: allow.length > 0,
    isVersioned: options.version !== undefined,
    refreshesAhead: Boolean(options.refreshAhead),
    keepsCopies,
  };
  const parameter = options.remotePurge?.parameter;
  // nginx would answer from the cache, and the application would never see the request.
  if (parameter !== undefined && (allow.includes(parameter) || !isForeign(parameter, ignore))) {
    throw new NginxCacheConfigError(
      'remotePurge.parameter',
      parameter,
      'a name that is not in query.allow or query.ignore',
    );
  }
  const [limit] = store.limits?.(storeContext) ?? [];
  if (limit) throw new NginxCacheConfigError('store', store.kind, `able to do what the options ask for: ${limit}`);
  const requestFields = requestFieldsOf(options);
  if (requestFields.pass === 'key' && !hosts) {
    throw new NginxCacheConfigError(
      'requestFields.pass',
      'key',
      '"all", unless hosts is set: the host must be in the key',
    );
  }
  const rules = requestRules({
    cookies: cookiesOf(options.anonymousOnly),
    include: options.include,
    exclude: options.exclude ?? [],
    shared: options.shared ?? [],
    query: { allow: parameters, ignore },
    hosts,
    variants,
    // The field of a variant leads to another page, not to a bypass.
    requestFields: {
      ...requestFields,
      ignore: [...requestFields.ignore, ...variants.flatMap(({ header }) => header?.toLowerCase() ?? [])],
    },
    trailingSlash,
    bypassToken: options.bypassToken,
    inFiles: flavour?.name === 'files',
  });
  if (flavour) mustFitInNginx(rules, options);
  return {
    prefix,
    form: flavour ? pageForm(storeContext.format.name, contentTypes, ownHeaders) : '',
    version: options.version,
    ttl: options.ttl ?? 300_000,
    stale: keepsCopies ? stale : undefined,
    store,
    tier,
    storeContext,
    flavour: flavour?.name,
    contentTypes,
    fragments,
    fragmentTimeout: options.fragmentTimeout ?? 1000,
    anonymousOnly: options.anonymousOnly !== false,
    isAnonymous: typeof options.anonymousOnly === 'object' ? options.anonymousOnly.isAnonymous : undefined,
    rules,
    query: { allow },
    hosts,
    compress: compress !== false,
    maxPageBytes,
    statuses,
    listeners: options.listeners,
    harmlessGuards: new Set(options.harmlessGuards),
    knowsHosts: options.hosts !== undefined,
    origin: originFor(options.origin, hosts),
    variants,
    requestFields,
    trailingSlash,
    respectCacheControl: options.respectCacheControl ?? true,
    clientCacheControl: options.clientCacheControl,
    keepsHeaders: !flavour || storeContext.format.name === 'response',
    headers,
    vary,
    excuseVary: options.excuseVary ?? [],
    excuseHeaders: options.excuseHeaders ?? [],
    excuseCookies: options.excuseCookies ?? [],
    purgeAfterUnsafe: options.purgeAfterUnsafe !== false,
    remotePurge: options.remotePurge,
    refreshAhead: refreshAheadOf(options.refreshAhead),
  };
}

function originFor(given: string | undefined, hosts: readonly string[] | undefined): string | undefined {
  if (given === undefined) return hosts && `https://${hosts[0]}`;
  if (hosts && !hosts.includes(new URL(given).hostname)) {
    throw new NginxCacheConfigError('origin', given, `one of the hosts: ${hosts.join(', ')}`);
  }
  return given;
}

function refreshAheadOf(given: NginxCacheOptions['refreshAhead'] = false): CheckedOptions['refreshAhead'] {
  return given === false ? undefined : { inactive: 60_000, rate: 100, afterPurge: 0, ...(given === true ? {} : given) };
}

/** Whether a request with the parameter goes to the application. */
function isForeign(parameter: string, ignore: readonly NamePattern[]): boolean {
  return compile(queryRule([], ignore))({ method: 'GET', target: `/?${parameter}=x`, headers: {} });
}

function requestFieldsOf({ requestFields = {} }: NginxCacheOptions): CheckedOptions['requestFields'] {
  const { bypass = [], ignore = [], pass = 'all' } = requestFields;
  const lowerCase = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  return { bypass: lowerCase(bypass), ignore: lowerCase(ignore), pass };
}

function cookiesOf(anonymousOnly: NginxCacheOptions['anonymousOnly'] = true): RuleOptions['cookies'] {
  if (anonymousOnly === false) return 'any';
  const { sessionCookies, ignoreCookies } = anonymousOnly === true ? {} : anonymousOnly;
  return sessionCookies ? { session: sessionCookies } : { ignored: ignoreCookies ?? DEFAULT_IGNORED_COOKIES };
}
