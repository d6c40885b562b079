import type { IncomingMessage } from 'node:http';
import type { Type } from '@nestjs/common';
import * as v from 'valibot';
import type { PageKeyOptions } from '../page/page-key.js';
import type { HeaderField } from '../page/page.js';
import type { TrailingSlash } from '../rules/canonical-path.rule.js';
import { DEFAULT_IGNORED_COOKIES, type NamePattern } from '../rules/cookie.rule.js';
import { DEFAULT_IGNORED_PARAMETERS, queryRule } from '../rules/query.rule.js';
import { requestRules, type RequestRules, type RuleOptions } from '../rules/request-rules.js';
import { compile } from '../rules/rule.js';
import { type Variant, variantVary } from '../rules/variant.js';
import { memoryStore } from '../stores/memory/memory-store.js';
import type { PageStoreDefinition, StoreContext } from '../stores/page-store.js';
import { NginxCacheConfigError } from './nginx-cache-config.error.js';
import type { NginxCacheOptions, NginxFlavour, RemotePurgeOptions } from './nginx-cache-options.js';
import { flavourOf, formatOf } from './nginx-flavour.js';
import { mustFitInNginx } from './nginx-limits.js';
import { optionsSchema } from './options.schema.js';

/** The options as the library uses them: complete, and known to be right. */
export interface CheckedOptions extends PageKeyOptions {
  readonly ttl: number;
  readonly store: PageStoreDefinition;
  readonly storeContext: StoreContext;
  /** `undefined` when nginx does not read the store. */
  readonly flavour: NginxFlavour | undefined;
  readonly contentType: string;
  readonly anonymousOnly: boolean;
  readonly isAnonymous: ((request: IncomingMessage) => boolean) | undefined;
  readonly rules: RequestRules;
  readonly compress: boolean;
  readonly maxPageBytes: number;
  readonly statuses: ReadonlySet<number>;
  readonly listeners: readonly Type[] | undefined;
  readonly variants: readonly Variant[];
  readonly trailingSlash: TrailingSlash;
  readonly respectCacheControl: boolean;
  readonly clientCacheControl: string | undefined;
  /** Whether hits come with the header of the page, and not only with `headers`. */
  readonly keepsHeaders: boolean;
  /** What nginx sends with every page where it keeps the body alone. */
  readonly headers: readonly HeaderField[];
  /** The request fields that the pages depend on, by their variants. */
  readonly vary: readonly string[];
  readonly excuseVary: readonly string[];
  readonly excuseHeaders: readonly string[];
  readonly excuseCookies: readonly NamePattern[];
  readonly purgeAfterUnsafe: boolean;
  readonly remotePurge: RemotePurgeOptions | undefined;
}

/** What must not stand in a log. */
const SECRETS = new Set(['bypassToken', 'remotePurge.token']);

/**
 * Checks the options and completes them.
 *
 * @throws {NginxCacheConfigError} names the first wrong option, what was given, and what is allowed
 */
export function checkOptions(options: NginxCacheOptions = {}): CheckedOptions {
  const result = v.safeParse(optionsSchema, options, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const option = v.getDotPath(issue) ?? 'options';
    const given = SECRETS.has(option) ? '(not shown)' : issue.input;
    throw new NginxCacheConfigError(option, given, issue.message);
  }
  const {
    prefix = 'page:',
    query,
    hosts,
    store = memoryStore(),
    nginx = {},
    compress,
    maxPageBytes = 1_000_000,
    variants = [],
    trailingSlash = 'forbid',
  } = options;
  const flavour = flavourOf(store, options);
  const contentType = nginx.contentType ?? 'text/html; charset=utf-8';
  const vary = variantVary(variants);
  const headers: HeaderField[] = [
    ...Object.entries(nginx.headers ?? {}),
    ...(vary.length === 0 ? [] : [['Vary', vary.join(', ')] as const]),
    ...(options.clientCacheControl === undefined ? [] : [['Cache-Control', options.clientCacheControl] as const]),
  ];
  const statuses = new Set(options.statuses ?? [200]);
  const allow = [...new Set(query?.allow)];
  const ignore = query?.ignore ?? DEFAULT_IGNORED_PARAMETERS;
  const storeContext: StoreContext = {
    format: formatOf(flavour, [['Content-Type', contentType], ...headers]),
    prefix,
    maxPageBytes,
    compress: compress !== false,
    mustList: allow.length > 0,
  };
  const parameter = options.remotePurge?.parameter;
  // nginx would answer from the cache, and the application never see it.
  if (parameter !== undefined && (allow.includes(parameter) || !isForeign(parameter, ignore))) {
    throw new NginxCacheConfigError('remotePurge.parameter', parameter, 'none of query.allow and query.ignore');
  }
  const [limit] = store.limits?.(storeContext) ?? [];
  if (limit) throw new NginxCacheConfigError('store', store.kind, `able to do what the options ask for: ${limit}`);
  const rules = requestRules({
    cookies: cookiesOf(options.anonymousOnly),
    include: options.include,
    exclude: options.exclude ?? [],
    query: { allow, ignore },
    hosts,
    variants,
    trailingSlash,
    bypassToken: options.bypassToken,
    inFiles: flavour === 'files',
  });
  if (flavour) mustFitInNginx(rules, options);
  return {
    prefix,
    ttl: options.ttl ?? 300_000,
    store,
    storeContext,
    flavour,
    contentType,
    anonymousOnly: options.anonymousOnly !== false,
    isAnonymous: typeof options.anonymousOnly === 'object' ? options.anonymousOnly.isAnonymous : undefined,
    rules,
    query: { allow },
    hosts,
    compress: compress !== false,
    maxPageBytes,
    statuses,
    listeners: options.listeners,
    variants,
    trailingSlash,
    respectCacheControl: options.respectCacheControl !== false,
    clientCacheControl: options.clientCacheControl,
    keepsHeaders: !flavour || storeContext.format.name === 'response',
    headers,
    vary,
    excuseVary: options.excuseVary ?? [],
    excuseHeaders: options.excuseHeaders ?? [],
    excuseCookies: options.excuseCookies ?? [],
    purgeAfterUnsafe: options.purgeAfterUnsafe !== false,
    remotePurge: options.remotePurge,
  };
}

/** Whether a request with the parameter goes to the application. */
function isForeign(parameter: string, ignore: readonly NamePattern[]): boolean {
  return compile(queryRule([], ignore))({ method: 'GET', target: `/?${parameter}=x`, headers: {} });
}

function cookiesOf(anonymousOnly: NginxCacheOptions['anonymousOnly'] = true): RuleOptions['cookies'] {
  if (anonymousOnly === false) return 'any';
  const { sessionCookies, ignoreCookies } = anonymousOnly === true ? {} : anonymousOnly;
  return sessionCookies ? { session: sessionCookies } : { ignored: ignoreCookies ?? DEFAULT_IGNORED_COOKIES };
}
