import type { IncomingMessage } from 'node:http';
import type { Type } from '@nestjs/common';
import * as v from 'valibot';
import { bodyFormat } from '../page/body-format.js';
import type { PageKeyOptions } from '../page/page-key.js';
import { DEFAULT_IGNORED_COOKIES } from '../rules/cookie.rule.js';
import { DEFAULT_IGNORED_PARAMETERS } from '../rules/query.rule.js';
import { requestRules, type RequestRules, type RuleOptions } from '../rules/request-rules.js';
import { memoryStore } from '../stores/memory/memory-store.js';
import type { PageStoreDefinition, StoreContext } from '../stores/page-store.js';
import { NginxCacheConfigError } from './nginx-cache-config.error.js';
import type { NginxCacheOptions, NginxFlavour } from './nginx-cache-options.js';
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
}

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
    throw new NginxCacheConfigError(option, issue.input, issue.message);
  }
  const {
    prefix = 'page:',
    query,
    hosts,
    store = memoryStore(),
    nginx = {},
    compress,
    maxPageBytes = 1_000_000,
  } = options;
  const flavour = flavourOf(store, nginx.flavour);
  const contentType = nginx.contentType ?? 'text/html; charset=utf-8';
  const statuses = new Set(options.statuses ?? [200]);
  if (flavour === 'memcached' && !(statuses.size === 1 && statuses.has(200))) {
    throw new NginxCacheConfigError('statuses', options.statuses, '[200]: the memcached flavour stores no status');
  }
  const allow = query?.allow ?? [];
  const ignore = query?.ignore ?? DEFAULT_IGNORED_PARAMETERS;
  const storeContext: StoreContext = {
    format: bodyFormat([['Content-Type', contentType]]),
    prefix,
    maxPageBytes,
    compress: compress !== false,
    mustList: allow.length > 0,
  };
  const [limit] = store.limits?.(storeContext) ?? [];
  if (limit) throw new NginxCacheConfigError('store', store.kind, `able to do what the options ask for: ${limit}`);
  return {
    prefix,
    ttl: options.ttl ?? 300_000,
    store,
    storeContext,
    flavour,
    contentType,
    anonymousOnly: options.anonymousOnly !== false,
    isAnonymous: typeof options.anonymousOnly === 'object' ? options.anonymousOnly.isAnonymous : undefined,
    rules: requestRules({
      cookies: cookiesOf(options.anonymousOnly),
      include: options.include,
      exclude: options.exclude ?? [],
      query: { allow, ignore },
      hosts,
    }),
    query: { allow },
    hosts,
    compress: compress !== false,
    maxPageBytes,
    statuses,
    listeners: options.listeners,
  };
}

function flavourOf(store: PageStoreDefinition, flavour: NginxFlavour | undefined): NginxFlavour | undefined {
  const readable = store.kind === 'memcached';
  if (flavour && !readable) {
    throw new NginxCacheConfigError(
      'nginx.flavour',
      flavour,
      `left out with ${store.kind}Store(), which nginx cannot read`,
    );
  }
  return readable ? (flavour ?? 'memcached') : undefined;
}

function cookiesOf(anonymousOnly: NginxCacheOptions['anonymousOnly'] = true): RuleOptions['cookies'] {
  if (anonymousOnly === false) return 'any';
  const { sessionCookies, ignoreCookies } = anonymousOnly === true ? {} : anonymousOnly;
  return sessionCookies ? { session: sessionCookies } : { ignored: ignoreCookies ?? DEFAULT_IGNORED_COOKIES };
}
