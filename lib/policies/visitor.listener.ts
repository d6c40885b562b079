import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, PageResponding, RequestArrived } from '../events/decisions.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { ReceivedRequests } from '../page/received-request.js';

/** What guards and middleware leave on a request about the visitor who made it. */
interface WithVisitor {
  user?: unknown;
  /** Passport, whatever property it uses for the user. */
  isAuthenticated?: unknown;
  authInfo?: unknown;
  account?: unknown;
  /** express-jwt, express-oauth2-jwt-bearer, Clerk. */
  auth?: unknown;
  /** express-openid-connect. */
  oidc?: unknown;
  /** keycloak-connect. */
  kauth?: unknown;
  /** express-ntlm. The requests after the first one on a connection bring no credentials. */
  ntlm?: unknown;
  /** node-expose-sspi. */
  sso?: unknown;
  session?: unknown;
}

/**
 * Keeps out pages that were made for a known visitor. With `anonymousOnly`, a visitor who is known before the handler runs gets no stored
 * page from the application either, if the application looks for one only then.
 *
 * @publicApi
 */
@Injectable()
export class VisitorListener {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
  ) {}

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    if (!this.options.anonymousOnly) return;
    const { request } = event;
    // A shared page is the same for everybody, and made without the visitor.
    if (this.received.of(request).personal !== undefined) return;
    const isRouted = event instanceof PageRequested;
    const visitor = isRouted ? visitorOf(request, event.context) : byCertificate(request);
    if (visitor !== undefined) event.bypass(visitor);
  }

  /** Asks again after the handler has run: the handler may have found out who the visitor is. */
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    const visitor = visitorOf(event.request, event.context);
    if (visitor !== undefined) event.skip(visitor);
  }
}

/** What the visitor is known by; `undefined` for an unknown visitor. */
function visitorOf(request: IncomingMessage, context: ExecutionContext): string | undefined {
  // Guards leave the property on the framework's request, middleware on Node's: on Fastify, these are two objects.
  for (const one of [request as WithVisitor, context.switchToHttp().getRequest<WithVisitor>()]) {
    for (const name of ['user', 'account', 'auth', 'ntlm', 'sso'] as const) if (isThere(one[name])) return name;
    if (isAuthenticated(one)) return 'user';
    if (isThere(one.authInfo)) return 'authInfo';
    // Every visitor has these two.
    if (isThere(one.oidc) && isAuthenticated(one.oidc) !== false) return 'oidc';
    if (hasContent(one.kauth)) return 'kauth';
    if (hasContent(sessionData(one.session), 'cookie')) return 'session';
  }
  return byCertificate(request);
}

/** With passport and many guards, `false` means nobody, and so does the empty string that Fastify's documentation decorates requests with. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '';
}

/** @returns `undefined` when the object cannot tell */
function isAuthenticated(asked: unknown): unknown {
  const { isAuthenticated: ask } = asked as { isAuthenticated?: unknown };
  return typeof ask === 'function' ? (ask.call(asked) as unknown) : undefined;
}

/** @fastify/secure-session keeps what it knows of itself in the session, and gives the data of the visitor when asked. */
function sessionData(session: unknown): unknown {
  const { data } = (session ?? {}) as { data?: unknown };
  return typeof data === 'function' ? (data.call(session) as unknown) : session;
}

/** express-session and similar modules keep the settings of their cookie in the session, and give a session to everybody. */
function hasContent(value: unknown, ...except: string[]): boolean {
  return typeof value === 'object' && Object.keys(value ?? {}).some((key) => !except.includes(key));
}

/** Whether the certificate was accepted or not: an application may ask for any certificate, and check it itself. */
function byCertificate(request: IncomingMessage): string | undefined {
  const socket = request.socket as Partial<TLSSocket> | null;
  return Object.keys(socket?.getPeerCertificate?.() ?? {}).length > 0 ? 'client-certificate' : undefined;
}
