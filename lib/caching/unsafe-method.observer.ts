import type { IncomingMessage, ServerResponse } from 'node:http';
import { bypass } from './cache-status.js';
import type { ResponseObserver } from './response-observer.js';
import { hostOf, rawPath, rawQuery } from '../rules/request-head.js';
import { receivedFields } from '../page/received-request.js';
import { waitFor } from '../async/patience.js';
import { canonicalPath } from '../purging/purge-target.js';
import type { ExactPage, Purger } from '../purging/purger.js';

/** Of the methods that change nothing (RFC 9110, section 9.2.1), those in IANA's registry: another one may (RFC 9111, section 4.4). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);

export function isUnsafe({ method = 'GET' }: IncomingMessage): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * A successful unsafe request makes stale what stands at its own address, and at its `Location` and `Content-Location` on the same
 * host (RFC 9111, section 4.4).
 */
export class UnsafeMethodObserver implements ResponseObserver {
  #ending = false;
  readonly #host: string;

  constructor(
    private readonly purger: Purger,
    private readonly request: IncomingMessage & { originalUrl?: string },
    private readonly response: ServerResponse,
    private readonly reason: string,
  ) {
    this.#host = hostOf(receivedFields(request)) || 'localhost';
  }

  head(): string {
    // The rest may take long, or never come.
    if (!this.#ending) void this.purge();
    return bypass(this.reason);
  }

  content(): void {}

  /** Whoever has the whole answer finds the page changed; but nobody waits for ever. */
  beforeEnd(): Promise<unknown> | undefined {
    this.#ending = true;
    const purge = this.purge();
    return purge && waitFor(purge, this.request);
  }

  end(): void {}

  /** @returns `undefined` when the request was not successful */
  private purge(): Promise<unknown> | undefined {
    const { statusCode } = this.response;
    if (!(statusCode >= 200 && statusCode < 400)) return undefined;
    const pages = [...this.own(), ...this.named('location'), ...this.named('content-location')];
    // The purger reports its failures itself, and the visitor's request has succeeded all the same.
    return this.purger.exactly(pages).catch(() => undefined);
  }

  private own(): ExactPage[] {
    const path = rawPath(this.target);
    return path.startsWith('/') ? [this.page(path, rawQuery(this.target))] : [];
  }

  /** Relative to the request's address; of another host it is none of ours. */
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

  /** In origin form, whichever it came in (RFC 9112, section 3.2.2). */
  private get target(): string {
    const target = this.request.originalUrl ?? this.request.url ?? '';
    return target.replace(/^https?:\/\/[^/?#]*(?=\/)/i, '');
  }
}
