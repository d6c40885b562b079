import type { Type } from '@nestjs/common';
import { AccelListener } from './accel.listener.js';
import { AddressableListener } from './addressable.listener.js';
import { AnonymousOnlyListener } from './anonymous-only.listener.js';
import { CacheControlListener } from './cache-control.listener.js';
import { CanonicalAddressListener } from './canonical-address.listener.js';
import { ConditionalRequestListener } from './conditional-request.listener.js';
import { ContentEncodingListener } from './content-encoding.listener.js';
import { ContentTypeListener } from './content-type.listener.js';
import { FreshnessListener } from './freshness.listener.js';
import { HandlerQueryListener } from './handler-query.listener.js';
import { KeyDriftListener } from './key-drift.listener.js';
import { LanguageListener } from './language.listener.js';
import { LostHeadersListener } from './lost-headers.listener.js';
import { PathExclusionListener } from './path-exclusion.listener.js';
import { RedirectHostListener } from './redirect-host.listener.js';
import { SetCookieListener } from './set-cookie.listener.js';
import { SizeListener } from './size.listener.js';
import { StatusListener } from './status.listener.js';
import { VaryListener } from './vary.listener.js';

/**
 * The built-in policies, in the order in which they are asked. To replace one, give `listeners` the list with yours in its place.
 * What nginx enforces comes from the options all the same.
 *
 * @example
 * listeners: DEFAULT_LISTENERS.map((one) => (one === VaryListener ? MyVaryListener : one))
 *
 * @publicApi
 */
export const DEFAULT_LISTENERS: readonly Type[] = [
  AddressableListener,
  AnonymousOnlyListener,
  PathExclusionListener,
  ConditionalRequestListener,
  LanguageListener,
  KeyDriftListener,
  StatusListener,
  RedirectHostListener,
  SetCookieListener,
  CacheControlListener,
  VaryListener,
  AccelListener,
  ContentTypeListener,
  ContentEncodingListener,
  LostHeadersListener,
  SizeListener,
  CanonicalAddressListener,
  HandlerQueryListener,
  FreshnessListener,
];
