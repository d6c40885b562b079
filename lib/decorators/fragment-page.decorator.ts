import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { rawOf, type Wrapped } from '../caching/raw-of.js';
import { visitOf } from '../fragments/fragment-visits.js';

/**
 * Injects the path and query of the page that contains the fragment, as the visitor requested it. In any other handler, it is the address
 * of the handler's own request.
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
