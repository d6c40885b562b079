import { setMaxListeners } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { Readable } from 'node:stream';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { injectAsNobody } from '../async/inject-as-nobody.js';
import { parseSharedAddress } from '../fragments/fragment-address.js';
import { FragmentRoutes } from '../fragments/fragment-routes.js';
import { beginVisit } from '../fragments/fragment-visits.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import type { PageAddress } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { nobodysVisit } from './nobodys-visit.js';

/** How long an answer may take, in milliseconds. */
const TIMEOUT = 30_000;

/** A GET that the application sends to itself. */
export interface InnerRequest {
  /** Path and query. */
  readonly target: string;
  /** The host of the page, if the site has several. */
  readonly host: string | undefined;
  /** The address of the requested page, if it may be stored. */
  readonly address?: PageAddress;
  /** Further request fields. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Is given the request before the application sees it. */
  readonly onRequest?: (request: IncomingMessage) => void;
  /** Gives the request up, like a visitor who leaves. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer of the application. */
export interface InnerAnswer {
  readonly status: number;
  /** The names are in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readable;
}

/** Sends requests through the application itself, including middleware, guards and filters, as a visitor of whom nothing is known. */
@Injectable()
export class InnerRequests implements OnApplicationBootstrap {
  #hasRoutes = false;

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(FragmentRoutes) private readonly routes: FragmentRoutes,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
  ) {}

  onApplicationBootstrap(): void {
    this.#hasRoutes = true;
  }

  /**
   * Must be called before the application publishes what somebody asks for: it may not listen yet, and Fastify answers only once it is ready. Then
   * Fastify takes no more routes, so it must not be ready before Nest has made all of them.
   */
  async ready(): Promise<void> {
    if (this.#hasRoutes) await this.fastify?.ready();
  }

  /** @throws {TypeError} when this is not an HTTP application, so it has no pages */
  get server(): Server {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    if (server) return server;
    throw new TypeError('Nothing can be published here: this is not an HTTP application.');
  }

  /**
   * @param use reads the body to its end
   * @throws when there is no whole answer in time, or when the signal comes first
   */
  async send<T>(
    { target, host, address, fields, onRequest, signal }: InnerRequest,
    use: (answer: InnerAnswer) => Promise<T>,
  ): Promise<T> {
    const { server } = this;
    if (!this.#hasRoutes && this.fastify) {
      throw new Error('Fastify takes no requests yet: publish pages in onApplicationBootstrap(), or later');
    }
    const visit = nobodysVisit(this.options.origin, host);
    const fragment = address && this.fragmentAt(address);
    const given = new AbortController();
    const giveUp = () => given.abort(signal?.reason);
    const timer = setTimeout(giveUp, TIMEOUT);
    // Not AbortSignal.any(): thousands of its signals would stay until the signal that they follow goes.
    if (signal) {
      // One listener for each request that is under way: Node takes more than ten for a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', giveUp, { once: true });
    }
    if (signal?.aborted) giveUp();
    try {
      const response = await injectAsNobody(server, {
        url: fragment?.url ?? target,
        headers: { ...visit.headers, ...fields },
        remoteAddress: visit.address,
        isEncrypted: visit.encrypted,
        signal: given.signal,
        onRequest: (request) => {
          fragment?.begin(request);
          onRequest?.(request);
        },
      });
      return await use({ status: response.statusCode, headers: response.headers, body: response.stream() });
    } catch (error) {
      // Nobody reads the rest, and the application must not go on with it.
      giveUp();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  private get fastify(): { ready(): PromiseLike<unknown> } | undefined {
    const { httpAdapter } = this.host;
    return httpAdapter?.getType() === 'fastify' ? httpAdapter.getInstance() : undefined;
  }

  /** A fragment that is the same for everybody has a handler at an address other than its own. */
  private fragmentAt(address: PageAddress): { url: string; begin: (request: IncomingMessage) => void } | undefined {
    const { name = '', query = '' } = parseSharedAddress(address.path) ?? {};
    const route = this.routes.of(name);
    if (!route?.isShared) return undefined;
    return {
      url: query === '' ? route.path : `${route.path}?${query}`,
      begin: (request) => {
        beginVisit(request, { name, page: '', depth: 1, isShared: true });
        this.received.ofFragment(request, address);
      },
    };
  }
}
