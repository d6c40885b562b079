import { setMaxListeners } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { injectAsNobody } from '../async/inject-as-nobody.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { nobodysVisit } from './nobodys-visit.js';

/** An answer that takes longer is none, in milliseconds. */
const TIMEOUT = 30_000;

/** A GET that the application sends to itself. */
export interface InnerRequest {
  /** Path and query. */
  readonly target: string;
  /** Of several hosts of the site. */
  readonly host: string | undefined;
  /** Further request fields. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Is given the request before the application sees it. */
  readonly onRequest?: (request: IncomingMessage) => void;
  /** Gives the request up, as a visitor does who leaves. */
  readonly signal?: AbortSignal | undefined;
}

/** What the application has answered. */
export interface InnerAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readable;
}

/** Sends requests through the application itself, as somebody of whom nothing is known: middleware, guards and filters included. */
@Injectable()
export class InnerRequests {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
  ) {}

  /** @throws {TypeError} when this is no HTTP application, and has no pages */
  get server(): Server {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    if (server) return server;
    throw new TypeError('Nothing can be published here: this is not a HTTP application.');
  }

  /**
   * @param use reads the body to its end
   * @throws when there is no whole answer in time, or when the signal has come first
   */
  async send<T>(
    { target, host, fields, onRequest, signal }: InnerRequest,
    use: (answer: InnerAnswer) => Promise<T>,
  ): Promise<T> {
    const { server } = this;
    const visit = nobodysVisit(this.options.origin, host);
    const given = new AbortController();
    const giveUp = () => given.abort(signal?.reason);
    const timer = setTimeout(giveUp, TIMEOUT);
    // Not AbortSignal.any(): of thousands of signals, each would stay until the one that they follow goes.
    if (signal) {
      // One listener for each request that is under way: Node takes more than ten for a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', giveUp, { once: true });
    }
    if (signal?.aborted) giveUp();
    try {
      const response = await injectAsNobody(server, {
        url: target,
        headers: { ...visit.headers, ...fields },
        remoteAddress: visit.address,
        isEncrypted: visit.encrypted,
        signal: given.signal,
        onRequest,
      });
      return await use({ status: response.statusCode, headers: response.headers, body: response.stream() });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }
}
