import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { lookedUp, NGINX_BYPASS } from '../page/page-key-header.js';
import { receivedFields, ReceivedRequests } from '../page/received-request.js';
import { bypassFields } from '../rules/request-fields.rule.js';
import { hostOf } from '../rules/request-head.js';
import { WeighedLanguages } from '../rules/weighed-language.js';
import { leftOn } from './left-properties.js';
import { observeConnection } from './observed-connection.js';
import { observeCopies } from './observed-copies.js';
import { observedFields } from './observed-fields.js';
import { isHttp2, replaceFields } from './observed-message.js';
import { PageFields, rawFields } from './page-fields.js';
import { type InputPolicy, RequestInputs } from './request-inputs.js';

/** Fields that may be read when they say no more than the site itself does. */
const OF_ORIGIN = new Set(['host', 'x-forwarded-host', 'x-forwarded-proto']);

/**
 * Fields that tracing libraries read before anybody can observe it, to keep values of the sender's choice in the async context of the request. From
 * there, they reach handlers and other services (W3C Baggage; Jaeger; OpenTracing).
 */
const BAGGAGE = /^(?:baggage$|uberctx-|ot-baggage-)/;

/** Notices what pages are made from: every request that may become one is observed from the moment it arrives. */
@Injectable()
export class PageInputs implements InputPolicy {
  readonly #fields: PageFields;
  readonly #languages: WeighedLanguages;
  readonly #origin: URL | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
  ) {
    const { rules, variants, requestFields, excuseVary } = options;
    this.#languages = new WeighedLanguages(variants);
    this.#origin = options.origin === undefined ? undefined : new URL(options.origin);
    this.#fields = new PageFields({
      variants,
      bypass: bypassFields(rules.fields),
      ignore: [...requestFields.ignore, ...excuseVary.map((name) => name.toLowerCase())],
      pass: requestFields.pass,
    });
  }

  /** Must be called before anybody else sees the request. A request that the rules keep away from the cache is left as it is. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') return;
    const { head, address, rule, personal } = this.received.of(request);
    const sent = head.headers;
    if (rule || personal !== undefined || this.isBypassed(sent)) return;
    // Without nginx, a visitor who prefers another language than that of the key gets it (language.listener.ts).
    if (this.#languages.contradicted(head, address.variants)) return;
    if (isHttp2(request) && !request.stream.endAfterHeaders) return;
    const { rawHeaders } = request;
    // With `pass: 'key'`, the fields contain nothing that a page must not depend on, so they may be read and copied like any object.
    const isObserved = this.options.requestFields.pass !== 'key';
    const list = () => rawFields(rawHeaders, sent, this.#fields.of(sent, address.variants));
    const inputs = new RequestInputs(request, response, this, { isObserved, list });
    if (!observeConnection(request.socket, inputs)) return;
    inputs.left(leftOn(request));
    for (const name in sent) if (BAGGAGE.test(name)) inputs.assume(name, 'the tracing of the application');
    // With `pass: 'key'`, the host is passed on as it was sent.
    if (!isObserved && this.options.hosts && !this.isOfOrigin('host', request))
      inputs.assume('host', 'the application');
    const fields = this.#fields.of(sent, address.variants);
    replaceFields(request, isObserved ? observedFields(fields, inputs) : fields, inputs);
  }

  isFree(name: string, request: IncomingMessage): boolean {
    return this.#fields.isFree(name) || (OF_ORIGIN.has(name) && this.isOfOrigin(name, request));
  }

  onCopy(request: IncomingMessage): void {
    observeCopies(request);
  }

  private isBypassed(sent: IncomingHttpHeaders): boolean {
    return this.options.flavour !== undefined && NGINX_BYPASS.test(lookedUp(sent) ?? '');
  }

  /**
   * Whether a field says no more than the key or the `origin` does: the host, and how the site is reached. A port is no part of the key, so there
   * may be none but that of the `origin`. The port of the server is not known to be that of the site: there may be a load balancer in front.
   */
  private isOfOrigin(name: string, request: IncomingMessage): boolean {
    const sent = receivedFields(request);
    const { host: origin, protocol } = this.#origin ?? {};
    if (name === 'x-forwarded-proto') return protocol !== undefined && `${String(sent[name])}:` === protocol;
    const named = sent.host ?? '';
    if (named !== origin && (this.options.hosts === undefined || !this.isHostOfKey(named, sent))) return false;
    return name === 'host' || sent[name] === undefined || sent[name] === named;
  }

  /** Of the host in the `origin`, there is one form only: otherwise a visitor could choose it for all others. */
  private isHostOfKey(named: string, sent: IncomingHttpHeaders): boolean {
    return named === hostOf(sent) && named !== this.#origin?.hostname;
  }
}
