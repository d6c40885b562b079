import type { Type } from '@nestjs/common';
import { AccelListener } from './accel.listener.js';
import { AddressableListener } from './addressable.listener.js';
import { AllowOriginListener } from './allow-origin.listener.js';
import { AnonymousOnlyListener } from './anonymous-only.listener.js';
import { CacheControlListener } from './cache-control.listener.js';
import { CanonicalAddressListener } from './canonical-address.listener.js';
import { ConditionalRequestListener } from './conditional-request.listener.js';
import { ContentEncodingListener } from './content-encoding.listener.js';
import { ContentTypeListener } from './content-type.listener.js';
import { CsrfTokenListener } from './csrf-token.listener.js';
import { FreshnessListener } from './freshness.listener.js';
import { HandlerQueryListener } from './handler-query.listener.js';
import { HostInPageListener } from './host-in-page.listener.js';
import { InnerCacheListener } from './inner-cache.listener.js';
import { KeyDriftListener } from './key-drift.listener.js';
import { LanguageListener } from './language.listener.js';
import { LostHeadersListener } from './lost-headers.listener.js';
import { NonceListener } from './nonce.listener.js';
import { OtherConfigurationListener } from './other-configuration.listener.js';
import { PathExclusionListener } from './path-exclusion.listener.js';
import { RedirectHostListener } from './redirect-host.listener.js';
import { RequestFieldsListener } from './request-fields.listener.js';
import { SetCookieListener } from './set-cookie.listener.js';
import { SizeListener } from './size.listener.js';
import { StaleListener } from './stale.listener.js';
import { StatusListener } from './status.listener.js';
import { VaryListener } from './vary.listener.js';
import { VisitorListener } from './visitor.listener.js';

/**
 * The built-in policies, in the order in which they are called. To replace one, pass `listeners` the list with your class in its place.
 * This does not change what nginx does, which depends on the options. `SAFETY_LISTENERS` are called in any case.
 *
 * @example
 * listeners: DEFAULT_LISTENERS.map((one) => (one === StatusListener ? MyStatusListener : one))
 *
 * @publicApi
 */
export const DEFAULT_LISTENERS: readonly Type[] = [
  OtherConfigurationListener,
  AddressableListener,
  AnonymousOnlyListener,
  RequestFieldsListener,
  VisitorListener,
  PathExclusionListener,
  ConditionalRequestListener,
  LanguageListener,
  KeyDriftListener,
  StatusListener,
  RedirectHostListener,
  HostInPageListener,
  SetCookieListener,
  CacheControlListener,
  InnerCacheListener,
  VaryListener,
  AllowOriginListener,
  NonceListener,
  CsrfTokenListener,
  AccelListener,
  ContentTypeListener,
  ContentEncodingListener,
  LostHeadersListener,
  SizeListener,
  CanonicalAddressListener,
  HandlerQueryListener,
  FreshnessListener,
  StaleListener,
];

/** The policies that `listeners` may leave out. All others keep pages private, or their addresses exact. */
const OPTIONAL: ReadonlySet<Type> = new Set<Type>([
  PathExclusionListener,
  StatusListener,
  AccelListener,
  ContentTypeListener,
  ContentEncodingListener,
  LostHeadersListener,
  SizeListener,
  HandlerQueryListener,
  FreshnessListener,
  InnerCacheListener,
  StaleListener,
]);

/**
 * The listeners that are always called, whatever `listeners` says. They decide which address a page has, who the visitor is, and what
 * belongs to one visitor only.
 *
 * @publicApi
 */
export const SAFETY_LISTENERS: readonly Type[] = DEFAULT_LISTENERS.filter((one) => !OPTIONAL.has(one));

/** A list of policies, completed by those that cannot be left out. */
export function withSafety(listeners: readonly Type[] = DEFAULT_LISTENERS): Type[] {
  return [...SAFETY_LISTENERS.filter((one) => !listeners.includes(one)), ...listeners];
}
