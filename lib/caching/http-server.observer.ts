import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Arrivals } from '../purging/arrivals.js';
import { instrument } from './response-observer.js';

/** Instruments every response of the application's server, before any middleware sees it. */
@Injectable()
export class HttpServerObserver implements OnModuleInit, OnModuleDestroy {
  readonly #instrument = (request: IncomingMessage, response: ServerResponse): void => {
    this.arrivals.note(request);
    instrument(response);
  };

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(Arrivals) private readonly arrivals: Arrivals,
  ) {}

  onModuleInit(): void {
    this.server?.prependListener('request', this.#instrument);
  }

  onModuleDestroy(): void {
    this.server?.off('request', this.#instrument);
  }

  /** `undefined` in a standalone application context and in a pure microservice. */
  private get server(): Server | undefined {
    // Without a HTTP platform the adapter is a stub that has no server.
    return this.host.httpAdapter?.getHttpServer?.() as Server | undefined;
  }
}
