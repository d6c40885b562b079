import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { rawOf, type Wrapped } from '../caching/raw-of.js';
import { visitOf } from '../fragments/fragment-visits.js';

/**
 * The address of the page that a fragment stands in, path and query, as the visitor has asked for it. In a handler that is no fragment, it is
 * the handler's own.
 *
 * @example
 * login(@FragmentPage() page: string) {
 *   return `<a href="/login?back=${encodeURIComponent(page)}">Sign in</a>`;
 * }
 *
 * @publicApi
 */
export const FragmentPage = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const request = rawOf(context.switchToHttp().getRequest<Wrapped<IncomingMessage & { originalUrl?: string }>>());
  return visitOf(request)?.page ?? request.originalUrl ?? request.url ?? '';
});
