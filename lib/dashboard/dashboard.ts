import type { IncomingMessage, ServerResponse } from 'node:http';
import { PurgeIncompleteError } from '../purging/purge-report.js';
import type { DashboardSetup } from './dashboard-setup.js';
import { Gatekeeper } from './gatekeeper.js';
import { PageListing } from './page-listing.js';
import { redirect, sendAsset, sendJson } from './responses.js';
import { ROUTES } from './routes.js';

/** A page for browsers, and the API that this page calls. */
export class Dashboard {
  readonly #gatekeeper: Gatekeeper;
  readonly #listing: PageListing;

  constructor(private readonly setup: DashboardSetup) {
    this.#gatekeeper = new Gatekeeper(setup.token, setup.hosts);
    this.#listing = new PageListing(setup.site);
  }

  /**
   * Answers a request; it never rejects.
   *
   * @param target what follows the path of the dashboard in the request target: empty, or beginning with "/" or "?"
   */
  async answer(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const misdirected = this.#gatekeeper.misdirected(request);
    if (misdirected) return sendJson(response, misdirected.status, misdirected);
    const [path = '', search = ''] = target.split('?', 2);
    const [, name] = /^\/api\/([a-z]+)$/.exec(path) ?? [];
    if (name !== undefined) return this.call(name, new URLSearchParams(search), request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendJson(response, 405, { error: 'Use GET.' });
    // The page names its files relative to its own address.
    if (path === '') return redirect(response, `${lastSegment(request)}/`);
    return sendAsset(response, path === '/' ? 'index.html' : path.slice(1)).catch((error: Error) =>
      sendJson(response, 500, { error: error.message }),
    );
  }

  private async call(
    name: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
    if (!route) return sendJson(response, 404, { error: 'There is nothing here.' });
    const refusal = this.#gatekeeper.refusal(request, route.method);
    if (refusal) return sendJson(response, refusal.status, refusal);
    const closed = new AbortController();
    response.once('close', () => closed.abort());
    try {
      const context = { ...this.setup, request, query, listing: this.#listing, signal: closed.signal };
      sendJson(response, 200, await route.answer(context));
    } catch (error) {
      const status = error instanceof TypeError ? 400 : error instanceof PurgeIncompleteError ? 503 : 500;
      sendJson(response, status, { error: error instanceof Error ? error.message : String(error) });
    } finally {
      if (route.method === 'POST') this.#listing.forget();
    }
  }
}

/** The last segment of the path. Middleware of Express sees a shortened `url`. */
function lastSegment({ url = '', originalUrl = url }: IncomingMessage & { originalUrl?: string }): string {
  return originalUrl.split('?', 1)[0]!.split('/').at(-1) ?? '';
}
