import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';

const answering = new AsyncLocalStorage<IncomingMessage>();
const withFragments = new WeakSet<IncomingMessage>();

/** Remembers whether the answer to a HEAD request would have fragments: that answer has no content that shows them. */
export function watchFragments<T>(request: IncomingMessage, answer: () => T): T {
  return request.method === 'HEAD' ? answering.run(request, answer) : answer();
}

/** Notes that a fragment was put into what is being answered. */
export function noteFragment(): void {
  const request = answering.getStore();
  if (request) withFragments.add(request);
}

export function wereFragmentsNoted(request: IncomingMessage): boolean {
  return withFragments.has(request);
}
