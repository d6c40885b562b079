import { Stream } from 'node:stream';

/** Fastify wraps Node's request and response, Express extends them. */
export type Wrapped<T> = T & { raw?: T };

export function rawOf<T>(wrapped: Wrapped<T>): T {
  // Body parsers, too, like to leave something called `raw`.
  return wrapped.raw instanceof Stream ? wrapped.raw : wrapped;
}
