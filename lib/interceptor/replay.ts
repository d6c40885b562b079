import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import Negotiator from 'negotiator';
import { headerOf, type Page } from '../page/page.js';
import { HIT } from './cache-status.js';
import { observe } from './response-observer.js';

const gunzip = promisify(zlib.gunzip);

/**
 * Sends a stored page, with the fields that middleware has set for this response.
 *
 * @param reply the framework's response: Fastify's keeps fields of its own
 * @returns `false`, with nothing done, when what is stored is damaged
 */
export async function replay(
  page: Page,
  request: IncomingMessage,
  response: ServerResponse,
  reply: { getHeaders(): OutgoingHttpHeaders },
): Promise<boolean> {
  const packed = page.contentEncoding === 'gzip';
  const keep = packed && new Negotiator(request).encoding(['gzip', 'identity']) === 'gzip';
  const body = packed && !keep ? await gunzip(page.body).catch(() => undefined) : page.body;
  if (!body) return false;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  for (const [name] of page.headers) response.removeHeader(name);
  for (const [name, value] of page.headers) response.appendHeader(name, value);
  if (keep) response.setHeader('Content-Encoding', 'gzip');
  if (packed && !/\bAccept-Encoding\b|^\*$/i.test(headerOf(page, 'vary') ?? '')) {
    response.appendHeader('Vary', 'Accept-Encoding');
  }
  response.setHeader('Content-Length', body.length);
  observe(response, HIT);
  response.writeHead(page.status);
  response.end(body);
  return true;
}

/** The methods by which Nest's adapters send what a handler has returned. */
const SENDING = ['send', 'json', 'render', 'view', 'redirect'];

/**
 * Keeps Nest from answering once more: whatever the handler is declared to do with its result (`@Render()`, `@Redirect()`, a
 * returned value), it would be done to a response that has been sent.
 *
 * @param response Express's response or Fastify's reply
 */
export function takeOver(response: Record<string, unknown> & { hijack?: () => void }): void {
  response.hijack?.();
  for (const method of SENDING) response[method] = () => response;
}
