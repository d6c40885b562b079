import type { IncomingMessage, ServerResponse } from 'node:http';
import { CACHE_STATUS } from './cache-status.js';
import { fieldsOf, type StoredResponse } from './stored-response.js';

/**
 * Sends a stored page before any part of the application has seen the request.
 *
 * @param status the value of the `Cache-Status` field
 * @returns `false`, with nothing done, when what is stored is damaged
 */
export function sendStored(
  stored: StoredResponse,
  status: string,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const fields = [...fieldsOf(stored), [CACHE_STATUS, status] as const];
  try {
    // Given a list, `writeHead()` of HTTP/2 keeps only one value per name.
    if (request.httpVersionMajor === 2) {
      for (const [name, value] of fields) response.appendHeader(name, value);
      response.writeHead(stored.status).end(stored.body);
    } else response.writeHead(stored.status, fields.flat()).end(stored.body);
    return true;
  } catch {
    // Node has refused a field, so the application answers.
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.statusCode = 200;
    return false;
  }
}
