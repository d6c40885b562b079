import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { watchConnection } from '../inputs/observed-connection.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { noteArrival } from '../page/page-nonce.js';
import { RemotePurges } from '../purging/remote-purges.js';
import { PageInputs } from '../inputs/page-inputs.js';
import { watchFragments } from '../fragments/fragment-use.js';
import { visitOf } from '../fragments/fragment-visits.js';
import { OutgoingFragments, sendAssembled } from '../fragments/outgoing-fragments.js';
import { PageAssembly } from '../fragments/page-assembly.js';
import { EarlyAnswers } from './early-answers.js';
import { ErrorCopies } from './error-copies.js';
import { FragmentAnswers } from './fragment-answers.js';
import { Renderings } from './renderings.js';
import { instrument } from './response-observer.js';
import { SharedPages } from './shared-pages.js';
import { Visitors } from './visitors.js';

/** The events of connections without and with TLS. */
const CONNECTED = ['connection', 'secureConnection'];

/**
 * Instruments every connection, request and response of the application's server, before any middleware sees them. Hits and remote purges
 * go no farther: middleware may refuse a purge, and `setGlobalPrefix()` decides on which routes middleware is mounted.
 */
@Injectable()
export class HttpServerObserver implements OnModuleInit, OnModuleDestroy {
  readonly #instrument = (request: IncomingMessage, response: ServerResponse): void => {
    noteArrival(request);
    this.renderings.arrived(request);
    this.visitors.arrived(request, response);
    if (!instrument(response, this.outgoing.outlet(response))) return;
    // A fragment that is not shared is made for its visitor, and is no page.
    if (visitOf(request)?.isShared === false) return;
    if (this.assembly.isDeclared(request)) sendAssembled(response);
    this.inputs.observe(request, response);
    this.errors.watch(request, response);
  };

  #giveBack: (() => void) | undefined;

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(RemotePurges) private readonly purges: RemotePurges,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(Renderings) private readonly renderings: Renderings,
    @Inject(PageInputs) private readonly inputs: PageInputs,
    @Inject(ErrorCopies) private readonly errors: ErrorCopies,
    @Inject(Visitors) private readonly visitors: Visitors,
    @Inject(EarlyAnswers) private readonly early: EarlyAnswers,
    @Inject(FragmentAnswers) private readonly fragments: FragmentAnswers,
    @Inject(PageAssembly) private readonly assembly: PageAssembly,
    @Inject(OutgoingFragments) private readonly outgoing: OutgoingFragments,
    @Inject(SharedPages) private readonly shared: SharedPages,
  ) {}

  onModuleInit(): void {
    this.server?.prependListener('request', this.#instrument);
    for (const event of CONNECTED) this.server?.prependListener(event, watchConnection);
    if (this.server) this.#giveBack = this.takeRequests(this.server);
  }

  onModuleDestroy(): void {
    const { server } = this;
    // A server that is closing may still send errors, and requests may still change pages.
    server?.once('close', () => server.off('request', this.#instrument));
    for (const event of CONNECTED) this.server?.off(event, watchConnection);
    this.#giveBack?.();
  }

  /**
   * An event reaches every listener, whatever their order. So a request that is answered here is kept from all of them.
   *
   * @returns a function that undoes this
   */
  private takeRequests(server: Server): () => void {
    const emit = server.emit.bind(server) as (...event: unknown[]) => boolean;
    const takesPurges = this.options.remotePurge !== undefined;
    const own = (...event: unknown[]): boolean => {
      if (event[0] !== 'request') return emit(...event);
      const [, request, response] = event as [string, IncomingMessage, ServerResponse];
      if (takesPurges && this.purges.isAskedFor(request)) {
        instrument(response);
        void this.purges.answer(request, response);
        return true;
      }
      if (this.fragments.isAskedFor(request)) {
        void this.fragments.answer(request, response);
        return true;
      }
      const answering = this.shared.answer(request, response) ?? this.early.answer(request, response);
      const goOn = () => watchFragments(request, () => emit(...event));
      if (!answering) return goOn();
      void answering.then((isAnswered) => isAnswered || goOn());
      return true;
    };
    server.emit = own;
    return () => {
      if (server.emit === own) server.emit = emit;
    };
  }

  /** `undefined` in a standalone application context and in a pure microservice. */
  private get server(): Server | undefined {
    // Without an HTTP platform, the adapter is a stub that has no server.
    return this.host.httpAdapter?.getHttpServer?.() as Server | undefined;
  }
}
