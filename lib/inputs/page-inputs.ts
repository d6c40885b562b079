import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { Inject, Injectable } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { PAGE_KEY_HEADER } from '../page/page-key-header.js';
import { PageKeys } from '../page/page-key.js';
import { bypassFields } from '../rules/request-fields.rule.js';
import { hostOf, type RequestHead } from '../rules/request-head.js';
import { allRules } from '../rules/request-rules.js';
import { RuleSet } from '../rules/rule-set.js';
import { isLanguage } from '../rules/variant.js';
import { weighedLanguage } from '../rules/weighed-language.js';
import { keepReceivedFields } from '../rules/received-fields.js';
import { observeConnection } from './observed-connection.js';
import { observeCopies } from './observed-copies.js';
import { observedFields } from './observed-fields.js';
import { PageFields, rawFields } from './page-fields.js';
import { EVERY_FIELD, RequestInputs, setInputs } from './request-inputs.js';

const NGINX_BYPASSES = /^bypass(?: |$)/;

/** Notices what pages are made from: every request that may become one is observed from the moment it arrives. */
@Injectable()
export class PageInputs {
  readonly #rules: RuleSet;
  readonly #fields: PageFields;
  readonly #origin: URL | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
  ) {
    const { rules, variants, requestFields, excuseVary } = options;
    this.#rules = new RuleSet(allRules(rules));
    this.#origin = options.origin === undefined ? undefined : new URL(options.origin);
    this.#fields = new PageFields({
      variants,
      bypass: bypassFields(rules.fields),
      ignore: [...requestFields.ignore, ...excuseVary.map((name) => name.toLowerCase())],
      pass: requestFields.pass,
    });
  }

  /** Before anybody else sees the request. One that the rules keep away from the cache is left as it is. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') return;
    const sent = request.headers;
    const head: RequestHead = { method: 'GET', target: request.url ?? '', headers: sent };
    if (this.isBypassed(sent) || this.#rules.reasonToBypass(head) !== undefined) return;
    if (isHttp2(request) && !request.stream.endAfterHeaders) return;
    const { variants } = this.keys.of(head);
    if (this.isWeighed(sent, variants)) return;
    const ofOrigin = this.originFieldsOf(request, sent);
    const isFree = (name: string) => this.#fields.isFree(name) || ofOrigin.includes(name);
    const inputs = new RequestInputs(response, isFree, () => observeCopies(request));
    if (!observeConnection(request.socket, inputs)) return;
    const { rawHeaders } = request;
    const fields = this.#fields.of(sent, variants);
    keepReceivedFields(request, sent);
    setInputs(request, inputs);
    const raw = () => rawFields(rawHeaders, sent, fields);
    if (this.options.requestFields.pass === 'key') {
      // Nothing that a page must not depend on is in there, so it may be read and copied like any object.
      replaceFields(request, fields, raw, () => distinct(raw()));
    } else {
      const every = <T>(list: () => T) =>
        function get(): T {
          inputs.read(EVERY_FIELD, get);
          return list();
        };
      replaceFields(
        request,
        observedFields(fields, inputs),
        every(raw),
        every(() => distinct(raw())),
      );
    }
  }

  private isBypassed(sent: IncomingHttpHeaders): boolean {
    const key = sent[PAGE_KEY_HEADER.toLowerCase()];
    return this.options.flavour !== undefined && key !== undefined && NGINX_BYPASSES.test(String(key));
  }

  /** Without nginx, the visitor may prefer another language than that of the key (language.listener.ts), and gets it. */
  private isWeighed(sent: IncomingHttpHeaders, chosen: Readonly<Record<string, string>>): boolean {
    const field = sent['accept-language'];
    return (
      field !== undefined &&
      this.options.variants.some(
        (variant) => isLanguage(variant) && weighedLanguage(field, variant) !== chosen[variant.name],
      )
    );
  }

  /**
   * The fields that say no more than the key or the `origin` does: the host, and how the site is reached. A port is no part of the key: behind
   * nginx there is none but its own, else it must be that of this server.
   */
  private originFieldsOf(request: IncomingMessage, sent: IncomingHttpHeaders): readonly string[] {
    const named = sent.host ?? '';
    const { host: origin, protocol } = this.#origin ?? {};
    const isKnown = named === origin || (this.options.hosts !== undefined && this.isHostOfKey(request, named, sent));
    const forwarded = sent['x-forwarded-host'];
    return [
      ...(isKnown ? ['host'] : []),
      ...(isKnown && (forwarded === undefined || forwarded === named) ? ['x-forwarded-host'] : []),
      ...(protocol !== undefined && `${String(sent['x-forwarded-proto'])}:` === protocol ? ['x-forwarded-proto'] : []),
    ];
  }

  private isHostOfKey(request: IncomingMessage, named: string, sent: IncomingHttpHeaders): boolean {
    const isBehindNginx = this.options.flavour !== undefined && sent[PAGE_KEY_HEADER.toLowerCase()] !== undefined;
    const host = hostOf(sent);
    return isBehindNginx || named === host || named === `${host}:${request.socket.localPort}`;
  }
}

/** Puts other fields in the place of those that were sent. */
function replaceFields(
  request: IncomingMessage,
  fields: IncomingHttpHeaders,
  raw: () => string[],
  distinctFields: () => NodeJS.Dict<string[]>,
): void {
  const symbols = isHttp2(request) ? Object.getOwnPropertySymbols(request) : [];
  const slot = (name: string) => symbols.find(({ description }) => description === name) ?? name;
  // HTTP/1 and injected requests keep what is assigned; those of HTTP/2 have it under a symbol, from which all else is read.
  (request as unknown as Record<string | symbol, unknown>)[slot('headers')] = fields;
  const accessor = (get: () => unknown, name: string | symbol): void => {
    Object.defineProperty(request, name, {
      configurable: true,
      enumerable: typeof name === 'string',
      get,
      set: (value: unknown) => {
        Object.defineProperty(request, name, { value, writable: true });
      },
    });
  };
  accessor(raw, slot('rawHeaders'));
  if (!isHttp2(request)) accessor(distinctFields, 'headersDistinct');
}

/** As Node's `headersDistinct`. */
function distinct(raw: readonly string[]): NodeJS.Dict<string[]> {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    (fields[(raw[index] ?? '').toLowerCase()] ??= []).push(raw[index + 1] ?? '');
  }
  return fields;
}

function isHttp2(request: IncomingMessage): request is IncomingMessage & Http2ServerRequest {
  return request.httpVersionMajor === 2;
}
