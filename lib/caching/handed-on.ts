import type { IncomingMessage } from 'node:http';

const FIRST = Symbol('nestjs-nginx-cache: first handler');

/**
 * Whether another handler has had the request and has handed it on with `next()` (Express). Each of them has guards, tags and options of its own, and a
 * guard of the first one has decided who gets to the second.
 *
 * @param handler what stands for the handler that has the request now
 */
export function isHandedOn(request: IncomingMessage & { [FIRST]?: object }, handler: object): boolean {
  request[FIRST] ??= handler;
  return request[FIRST] !== handler;
}
