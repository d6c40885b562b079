import type { IncomingMessage, ServerResponse } from 'node:http';

/** Node's own object below Express's and Fastify's. */
export function raw<T extends IncomingMessage | ServerResponse>(wrapped: T | { raw: T }): T {
  return 'raw' in wrapped ? wrapped.raw : wrapped;
}
