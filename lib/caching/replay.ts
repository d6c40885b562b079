import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { weak } from '../http/validators.js';
import { observe } from './response-observer.js';
import type { StoredResponse } from './stored-response.js';

/**
 * Sends a stored page, a part of it, 304 or 416, with the fields that middleware has set for this response.
 *
 * @param status the value of the `Cache-Status` field
 * @param reply the framework's response: Fastify's keeps fields of its own
 */
export function replay(
  answer: StoredResponse,
  status: string,
  response: ServerResponse,
  reply: { getHeaders(): OutgoingHttpHeaders },
): void {
  const { fields, vary, made, unsaid, coding, body } = answer;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value);
  }
  for (const [name] of fields) response.removeHeader(name);
  for (const [name, value] of fields) response.appendHeader(name, value);
  if (vary !== undefined) response.appendHeader('Vary', vary);
  for (const name of unsaid) response.removeHeader(name);
  observe(response, {
    head() {
      const said = response.getHeader('ETag');
      // Something outside of this observer has given the content another coding.
      if (typeof said === 'string' && response.getHeader('Content-Encoding') !== coding)
        response.setHeader('ETag', weak(said));
      return status;
    },
    content() {},
    end() {},
  });
  for (const [name, value] of made) response.setHeader(name, value);
  response.writeHead(answer.status).end(body);
}

/** Ends a response that nobody gets. */
export function endUnseen(response: ServerResponse, reply: Parameters<typeof takeOver>[0]): void {
  response.writeHead(204).end();
  takeOver(reply);
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
 * Keeps Nest from answering once more. Whatever the handler is declared to do with its result (`@Render()`, `@Redirect()`, a returned
 * value) would be done to a response that has been sent.
 *
 * @param response Express's response or Fastify's reply
 */
export function takeOver(response: Record<string, unknown> & { hijack?: () => void }): void {
  response.hijack?.();
  for (const method of SENDING) response[method] = () => response;
}
