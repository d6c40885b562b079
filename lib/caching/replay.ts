import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import Negotiator from 'negotiator';
import { httpDate } from '../http/http-date.js';
import { hasRanges, requestedRange } from '../http/byte-range.js';
import { isNotModified } from '../http/not-modified.js';
import { headerOf } from '../http/fields.js';
import type { Page } from '../page/page.js';
import { receivedFields } from '../page/received-request.js';
import { weak } from '../http/validators.js';
import { isWrapped, observe } from './response-observer.js';

const gunzip = promisify(zlib.gunzip);

/**
 * Sends a stored page, a part of it, 304 or 416, with the fields that middleware has set for this response.
 *
 * @param status the value of the `Cache-Status` field
 * @param reply the framework's response: Fastify's keeps fields of its own
 * @returns `false`, with nothing done, when what is stored is damaged
 */
export async function replay(
  page: Page,
  status: string,
  request: IncomingMessage,
  response: ServerResponse,
  reply: { getHeaders(): OutgoingHttpHeaders },
): Promise<boolean> {
  const isPacked = page.contentEncoding === 'gzip';
  const unpacks =
    isPacked && new Negotiator({ headers: receivedFields(request) }).encoding(['gzip', 'identity']) !== 'gzip';
  const body = isNotModified(page, receivedFields(request)) ? 304 : unpacks ? await unpack(page.body) : page.body;
  if (!body) return false;
  // Of the bytes that are stored, and that nothing outside can give another coding.
  const isDivisible = body !== 304 && !unpacks && hasRanges(page) && !isWrapped(response);
  const range = isDivisible ? requestedRange(page, receivedFields(request), page.body.length) : undefined;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (range === 'unsatisfiable') {
    observe(response, status);
    sendUnsatisfiable(response, page.body.length);
    return true;
  }
  for (const [name] of page.headers) response.removeHeader(name);
  for (const [name, value] of page.headers) response.appendHeader(name, value);
  if (isPacked && !/\bAccept-Encoding\b|^\*$/i.test(headerOf(page, 'vary') ?? '')) {
    response.appendHeader('Vary', 'Accept-Encoding');
  }
  const tag = headerOf(page, 'etag');
  if (unpacks && tag !== undefined) response.setHeader('ETag', weak(tag));
  const date = httpDate(headerOf(page, 'date'));
  if (date !== undefined) response.setHeader('Age', Math.max(0, Math.floor((Date.now() - date) / 1000)));
  const coding = body !== 304 && isPacked && !unpacks ? 'gzip' : undefined;
  observe(response, {
    head() {
      const said = response.getHeader('ETag');
      // Something outside has given it another coding.
      if (typeof said === 'string' && response.getHeader('Content-Encoding') !== coding)
        response.setHeader('ETag', weak(said));
      return status;
    },
    content() {},
    end() {},
  });
  if (body === 304) sendNotModified(response);
  else {
    const { start, end } = range ?? { start: 0, end: body.length };
    if (coding) response.setHeader('Content-Encoding', coding);
    if (isDivisible) response.setHeader('Accept-Ranges', 'bytes');
    else if (hasRanges(page)) response.removeHeader('Accept-Ranges');
    if (range) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${body.length}`);
    response.setHeader('Content-Length', end - start);
    response.writeHead(range ? 206 : page.status).end(body.subarray(start, end));
  }
  return true;
}

/** @returns `undefined` when it is damaged */
function unpack(body: Buffer): Promise<Buffer | undefined> {
  return gunzip(body).catch(() => undefined);
}

/** RFC 9110, section 15.4.5: without what describes the content. */
function sendNotModified(response: ServerResponse): void {
  for (const name of ['Content-Type', 'Content-Length', 'Content-Encoding']) response.removeHeader(name);
  response.writeHead(304).end();
}

/** RFC 9110, section 15.5.17. The fields of the page would let caches keep it in the place of the page. */
function sendUnsatisfiable(response: ServerResponse, length: number): void {
  response.setHeader('Content-Range', `bytes */${length}`);
  response.setHeader('Content-Length', 0);
  response.writeHead(416).end();
}

/** The methods by which Nest's adapters send what a handler has returned. */
const SENDING = [
  'send',
  'json',
  'render',
  'view',
  'redirect',
  'setHeader',
  'appendHeader',
  'removeHeader',
  'writeHead',
];

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
