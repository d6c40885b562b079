import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { watchConnection } from '../inputs/observed-connection.js';
import { PageInputs } from '../inputs/page-inputs.js';
import { Renderings } from './renderings.js';
import { instrument } from './response-observer.js';

/** Without and with TLS. */
const CONNECTED = ['connection', 'secureConnection'];

/** Instruments every connection, request and response of the application's server, before any middleware sees them. */
@Injectable()
export class HttpServerObserver implements OnModuleInit, OnModuleDestroy {
  readonly #instrument = (request: IncomingMessage, response: ServerResponse): void => {
    this.renderings.arrived(request);
    if (instrument(response)) this.inputs.observe(request, response);
  };

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(Renderings) private readonly renderings: Renderings,
    @Inject(PageInputs) private readonly inputs: PageInputs,
  ) {}

  onModuleInit(): void {
    this.server?.prependListener('request', this.#instrument);
    for (const event of CONNECTED) this.server?.prependListener(event, watchConnection);
  }

  onModuleDestroy(): void {
    this.server?.off('request', this.#instrument);
    for (const event of CONNECTED) this.server?.off(event, watchConnection);
  }

  /** `undefined` in a standalone application context and in a pure microservice. */
  private get server(): Server | undefined {
    // Without a HTTP platform the adapter is a stub that has no server.
    return this.host.httpAdapter?.getHttpServer?.() as Server | undefined;
  }
}
