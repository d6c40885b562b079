import type { IncomingMessage, Server } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inTime } from '../async/in-time.js';
import { injectAsNobody } from '../async/inject-as-nobody.js';
import { inputsOf } from '../inputs/request-inputs.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { receivedFields } from '../page/received-request.js';
import { areNoncesReplaceable, namedNonces, nonceFor, policyFields } from '../page/page-nonce.js';
import { parseAddress } from './fragment-address.js';
import { FragmentRoutes } from './fragment-routes.js';
import { beginVisit, type FragmentVisit, visitOf } from './fragment-visits.js';
import { isHtml } from './is-html.js';
import { isPlace, NONCE, type PagePieces } from './page-pieces.js';
import { SharedFragments } from './shared-fragments.js';
import { fromSsi, withoutNonces } from './ssi-form.js';
import { visitorsFields } from './visitors-fields.js';

/** How deep fragments may be nested: so a fragment that contains itself has an end. */
const MAX_DEPTH = 5;

/** Asks the application for fragments on behalf of a visitor: with the visitor's cookies, through middleware, guards and pipes. */
@Injectable()
export class FragmentRequests {
  readonly #logger = new Logger('PageCache');
  /** Fragments about which something has been reported. There are at most as many as handlers. */
  readonly #reported = new Set<string>();

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(FragmentRoutes) private readonly routes: FragmentRoutes,
    @Inject(SharedFragments) private readonly shared: SharedFragments,
  ) {}

  /**
   * Fills fragments in.
   *
   * @param visitor the request for what contains the fragments
   * @param page the path and query of the page
   * @param around how many fragments are around these
   */
  async fill(
    pieces: PagePieces,
    visitor: IncomingMessage,
    page: string,
    around = visitOf(visitor)?.depth ?? 0,
  ): Promise<Buffer> {
    const filled = pieces.map(async (piece) => {
      if (piece === NONCE) return Buffer.from(nonceFor(visitor));
      if (!isPlace(piece)) return piece;
      const html = await this.html(piece.address, visitor, page, around);
      return html ?? Buffer.from(piece.fallback);
    });
    return Buffer.concat(await Promise.all(filled));
  }

  /**
   * @param address the address of the fragment, with its parameters
   * @param visitor the request for what contains the fragment
   * @param page the path and query of the page
   * @param around how many fragments are around this one
   * @returns `undefined` when the fragment fails, takes too long, is empty, or is not HTML
   */
  async html(address: string, visitor: IncomingMessage, page: string, around = 0): Promise<Buffer | undefined> {
    const fragment = parseAddress(address) ?? { name: '', query: '' };
    const { name, query } = fragment;
    const route = this.routes.of(name);
    const depth = around + 1;
    if (!route) return this.fail(name, `There is no handler with @PageFragment(${JSON.stringify(name)}).`);
    if (depth > MAX_DEPTH) {
      return this.fail(name, `The fragment ${name} stands in more than ${MAX_DEPTH - 1} others, maybe in itself.`);
    }
    const { fragmentTimeout } = this.options;
    if (route.isShared) {
      const finding = this.shared.find(fragment, visitor).catch(() => undefined);
      const found = await inTime(
        finding.then((stored) => stored ?? 'not-shared'),
        fragmentTimeout,
      );
      // Each fragment in it has its own time.
      if (found !== 'not-shared') return found && this.fill(fromSsi(found.body), visitor, page, depth);
    }
    const given = new AbortController();
    const { path } = route;
    const visit = { name, page, depth, isShared: false };
    const asking = this.ask(query === '' ? path : `${path}?${query}`, visitor, visit, given.signal);
    const html = await inTime(
      asking.catch(() => undefined),
      fragmentTimeout,
    );
    // The streams of an answer that has ended would make an error each, with a stack.
    if (!html) given.abort();
    return html;
  }

  private async ask(
    url: string,
    visitor: IncomingMessage,
    visit: FragmentVisit,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    // These are read for the fragment, and not for the page around it.
    const ask = <T>(question: () => T) => inputsOf(visitor)?.ask(question) ?? question();
    const remoteAddress = ask(() => visitor.socket.remoteAddress);
    const isEncrypted = ask(() => (visitor.socket as Partial<TLSSocket>).encrypted) === true;
    let asked: IncomingMessage | undefined;
    const { statusCode, headers, stream } = await injectAsNobody(server, {
      url,
      headers: visitorsFields(receivedFields(visitor), this.options.flavour !== undefined),
      ...(remoteAddress === undefined ? {} : { remoteAddress }),
      isEncrypted,
      signal,
      onRequest: (request) => {
        asked = request;
        beginVisit(request, visit);
      },
    });
    if (headers['set-cookie'] !== undefined) {
      this.report(visit.name, `The fragment ${visit.name} sets a cookie, which reaches no visitor: nginx drops it.`);
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream() as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > this.options.maxPageBytes) return undefined;
    }
    const isFragment = statusCode === 200 && isHtml(headers['content-type']) && bytes > 0;
    if (!isFragment || headers['content-encoding'] !== undefined) return undefined;
    const html = Buffer.concat(chunks);
    const policies = policyFields((field) => headers[field]);
    const nonces = namedNonces(policies);
    if (nonces.length === 0 || !asked || !areNoncesReplaceable(policies, asked)) return html;
    return this.fill(withoutNonces([html], nonces), visitor, visit.page);
  }

  private fail(name: string, why: string): undefined {
    this.report(name, why);
  }

  private report(name: string, what: string): void {
    if (this.#reported.has(name) || this.#reported.size >= 100) return;
    this.#reported.add(name);
    this.#logger.warn(what);
  }
}
