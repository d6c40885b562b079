import type { IncomingMessage, ServerResponse } from 'node:http';
import { bypass } from '../interceptor/cache-status.js';
import type { ResponseObserver } from '../interceptor/response-observer.js';
import { hostOf, rawQuery } from '../rules/request-head.js';
import type { ExactPage, Purger } from './purger.js';

/** Methods that change something (RFC 9110, section 9.2.1), of those that handlers have. */
const UNSAFE_METHODS: ReadonlySet<string | undefined> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** A visitor does not wait longer for the purge, in milliseconds. */
const DEADLINE = 45;

export function isUnsafe({ method }: IncomingMessage): boolean {
  return UNSAFE_METHODS.has(method);
}

/**
 * A successful unsafe request makes stale what stands at its own address, and at its `Location` and `Content-Location` on the same
 * host (RFC 9111, section 4.4).
 */
export class UnsafeMethodObserver implements ResponseObserver {
  #ownPurged = false;

  constructor(
    private readonly purger: Purger,
    private readonly request: IncomingMessage & { originalUrl?: string },
    private readonly response: ServerResponse,
    private readonly reason: string,
  ) {}

  head(): string {
    const { statusCode } = this.response;
    if (statusCode >= 200 && statusCode < 400) {
      const own = this.#ownPurged ? [] : this.own();
      void this.purge([...own, ...this.named('location'), ...this.named('content-location')]);
    }
    return bypass(this.reason);
  }

  content(): void {}

  end(): void {}

  /** Before the answer leaves, so that whoever gets it finds the page changed; but not for ever. */
  async purgeOwn(): Promise<void> {
    this.#ownPurged = true;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DEADLINE);
    });
    await Promise.race([this.purge(this.own()), deadline]);
    clearTimeout(timer);
  }

  private own(): ExactPage[] {
    return this.page(this.request.originalUrl ?? this.request.url ?? '');
  }

  private named(field: string): ExactPage[] {
    const value = this.response.getHeader(field);
    return typeof value === 'string' ? this.page(value) : [];
  }

  /** @param reference relative to the request's address; of another host it is none of ours */
  private page(reference: string): ExactPage[] {
    const host = hostOf(this.request.headers) || 'localhost';
    const base = `http://${host}${this.request.originalUrl ?? this.request.url ?? ''}`;
    if (!URL.canParse(reference, base)) return [];
    const url = new URL(reference, base);
    return url.hostname === new URL(base).hostname ? [{ path: url.pathname, query: rawQuery(url.search), host }] : [];
  }

  private async purge(pages: readonly ExactPage[]): Promise<void> {
    // The purger reports its failures itself, and the visitor's request has succeeded all the same.
    await this.purger.exactly(pages).catch(() => undefined);
  }
}
