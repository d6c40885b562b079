import type { IncomingMessage, ServerResponse } from 'node:http';
import { bypass } from './cache-status.js';
import type { ResponseObserver } from './response-observer.js';
import type { MatchedRoute } from '../policies/matched-route.js';
import { hostOf, rawPath, rawQuery } from '../rules/request-head.js';
import { receivedFields } from '../page/received-request.js';
import { inOwnLetters } from '../rules/route-template.js';
import { canonicalPath } from '../purging/purge-target.js';
import type { ExactPage } from '../purging/exact-page.js';
import { waitForPurge } from '../purging/wait-for-purge.js';
import type { Purger } from '../purging/purger.js';

/** What a success makes stale. */
export interface Stale {
  /** The page at the request's own address. */
  readonly own: boolean;
  /** The pages at its `Location` and `Content-Location`. */
  readonly named: boolean;
  /** The route in whose letter case the page is stored: routers may take other cases as well. */
  readonly route: MatchedRoute | undefined;
}

/**
 * A successful unsafe request makes the page at its own address stale. It may also make the pages at its `Location` and `Content-Location`
 * on the same host stale (RFC 9111, section 4.4).
 */
export class UnsafeMethodObserver implements ResponseObserver {
  #ending = false;
  readonly #host: string;

  constructor(
    private readonly purger: Purger,
    private readonly request: IncomingMessage & { originalUrl?: string },
    private readonly response: ServerResponse,
    private readonly reason: string,
    private readonly stale: Stale,
  ) {
    this.#host = hostOf(receivedFields(request)) || 'localhost';
  }

  head(): string {
    // The rest of the response may take long, or never come.
    if (!this.#ending) void this.purge();
    return bypass(this.reason);
  }

  content(): void {}

  /** A visitor who has the whole answer finds the page changed. But nobody waits for ever. */
  beforeEnd(): Promise<unknown> | undefined {
    this.#ending = true;
    const purge = this.purge();
    return purge && waitForPurge(purge, this.request);
  }

  end(): void {}

  /** @returns `undefined` when the request was not successful */
  private purge(): Promise<unknown> | undefined {
    const { statusCode } = this.response;
    if (!(statusCode >= 200 && statusCode < 400)) return undefined;
    const pages = [
      ...(this.stale.own ? this.own() : []),
      ...(this.stale.named ? ['location', 'content-location'].flatMap((field) => this.named(field)) : []),
    ];
    // The purger reports its failures itself, and the visitor's request has succeeded all the same.
    return this.purger.exactly(pages).catch(() => undefined);
  }

  private own(): ExactPage[] {
    const path = rawPath(this.target);
    if (!path.startsWith('/')) return [];
    return [path, this.inOwnLetters(path) ?? path].map((one) => this.page(one, rawQuery(this.target)));
  }

  /** `/POSTS/1` as `/posts/1`, if the router treats them alike. */
  private inOwnLetters(path: string): string | undefined {
    const { route } = this.stale;
    if (!route || !path.startsWith(route.mount)) return undefined;
    const below = canonicalPath(path.slice(route.mount.length) || '/').replace(/(?<=.)\/$/, '');
    const own = inOwnLetters(route.template, below);
    return own === undefined ? undefined : route.mount + own;
  }

  /** The value is relative to the request's address. A page on another host is none of ours. */
  private named(field: string): ExactPage[] {
    const value = this.response.getHeader(field);
    const origin = `http://${this.#host}`;
    const base = `${origin}${rawPath(this.target)}`;
    if (typeof value !== 'string' || !URL.canParse(value, base)) return [];
    const url = new URL(value, base);
    return url.hostname === new URL(origin).hostname ? [this.page(url.pathname, rawQuery(url.search))] : [];
  }

  private page(path: string, query: string): ExactPage {
    return { path: canonicalPath(path), query, host: this.#host };
  }

  /** The target in origin form, whatever form it came in (RFC 9112, section 3.2.2). */
  private get target(): string {
    const target = this.request.originalUrl ?? this.request.url ?? '';
    return target.replace(/^https?:\/\/[^/?#]*(?=\/)/i, '');
  }
}
