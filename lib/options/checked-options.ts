import type { IncomingMessage } from 'node:http';
import type { CanActivate, Type } from '@nestjs/common';
import type { HeaderField } from '../http/fields.js';
import type { ContentTypes } from '../page/content-types.js';
import type { FragmentPaths } from '../page/fragment-paths.js';
import type { PageKeyOptions } from '../page/page-key.js';
import type { StaleTimes } from '../page/stale-times.js';
import type { TrailingSlash } from '../rules/canonical-path.rule.js';
import type { NamePattern } from '../rules/cookie.rule.js';
import type { RequestFieldOptions } from '../rules/request-fields.rule.js';
import type { RequestRules } from '../rules/request-rules.js';
import type { Variant } from '../rules/variant.js';
import type { TierLimits } from '../stores/memory-tier.js';
import type { PageStoreDefinition, StoreContext } from '../stores/page-store.js';
import type { NginxFlavour } from './nginx-cache-options.js';
import type { RefreshAheadOptions } from './refresh-ahead-options.js';
import type { RemotePurgeOptions } from './remote-purge-options.js';

/** The options as the library uses them: complete, and known to be right. */
export interface CheckedOptions extends PageKeyOptions {
  readonly form: string;
  readonly version: string | undefined;
  readonly ttl: number;
  /** Copies of pages and how long they are sent; `undefined` when there are none. A time of 0 switches one of the two off. */
  readonly stale: StaleTimes | undefined;
  /** The last tier, if there are two. */
  readonly store: PageStoreDefinition;
  /** The memory in front of `store`; `undefined` when there is none. */
  readonly tier: TierLimits | undefined;
  readonly storeContext: StoreContext;
  /** `undefined` when nginx does not read the store. */
  readonly flavour: NginxFlavour | undefined;
  readonly contentTypes: ContentTypes;
  readonly anonymousOnly: boolean;
  readonly isAnonymous: ((request: IncomingMessage) => boolean) | undefined;
  /** The paths whose pages contain fragments. */
  readonly fragments: FragmentPaths;
  /** How long a fragment may take, in milliseconds. */
  readonly fragmentTimeout: number;
  readonly rules: RequestRules;
  readonly compress: boolean;
  readonly maxPageBytes: number;
  readonly statuses: ReadonlySet<number>;
  readonly listeners: readonly Type[] | undefined;
  readonly harmlessGuards: ReadonlySet<Type<CanActivate>>;
  /** Whether the options say which hosts the site has, even if they say that it has every host. */
  readonly knowsHosts: boolean;
  /** What pages are published for: scheme and authority. */
  readonly origin: string | undefined;
  readonly variants: readonly Variant[];
  /** In lower case. */
  readonly requestFields: RequestFieldOptions & { readonly pass: 'all' | 'key' };
  readonly trailingSlash: TrailingSlash;
  readonly respectCacheControl: boolean | 'required';
  readonly clientCacheControl: string | undefined;
  /** Whether hits come with the header of the page, and not only with `headers`. */
  readonly keepsHeaders: boolean;
  /** The fields that nginx sends with every page, if only the body is kept. */
  readonly headers: readonly HeaderField[];
  /** The request fields that the pages depend on, by their variants. */
  readonly vary: readonly string[];
  readonly excuseVary: readonly string[];
  readonly excuseHeaders: readonly string[];
  readonly excuseCookies: readonly NamePattern[];
  readonly purgeAfterUnsafe: boolean;
  readonly remotePurge: RemotePurgeOptions | undefined;
  readonly refreshAhead: Required<RefreshAheadOptions> | undefined;
}
