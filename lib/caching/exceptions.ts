import type { IncomingMessage } from 'node:http';
import type { ArgumentsHost } from '@nestjs/common';
import { ExceptionsHandler } from '@nestjs/core/exceptions/exceptions-handler.js';
import { rawOf, type Wrapped } from './raw-of.js';

const listeners = new WeakMap<IncomingMessage, (exception: unknown) => void>();
let isWatching = false;

/**
 * Calls `listener` when Nest hands an exception of a request to its exception filters. `next.handle()` of an interceptor does not show
 * what comes later: an interceptor farther out that throws, a template that does not render, a value that is not JSON.
 */
export function onException(request: IncomingMessage, listener: (exception: unknown) => void): void {
  watch();
  listeners.set(request, listener);
}

/** Nest has no hook for this: a filter of the application's own replaces all others. */
function watch(): void {
  if (isWatching) return;
  isWatching = true;
  const { prototype } = ExceptionsHandler;
  const handle = Reflect.get(prototype, 'next') as ExceptionsHandler['next'];
  prototype.next = function next(this: ExceptionsHandler, exception, host: ArgumentsHost) {
    const request = host.getArgByIndex<Wrapped<IncomingMessage> | undefined>(0);
    if (typeof request === 'object') listeners.get(rawOf(request))?.(exception);
    return handle.call(this, exception, host);
  };
}
