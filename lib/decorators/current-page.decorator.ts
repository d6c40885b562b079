import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { draftOf } from '../caching/current-draft.js';
import { rawOf, type Wrapped } from '../caching/raw-of.js';
import { PageDraft } from '../page/page-draft.js';

/**
 * Injects the page that a handler is rendering. Every request has one. If the request bypasses the cache, changes to the page have no
 * effect.
 *
 * @example
 * show(@Param('id') id: string, @CurrentPage() page: PageDraft) {
 *   page.tag(`post:${id}`);
 * }
 *
 * @publicApi
 */
export const CurrentPage = createParamDecorator((_data: unknown, context: ExecutionContext): PageDraft => {
  const request = context.switchToHttp().getRequest<Wrapped<IncomingMessage>>();
  return draftOf(rawOf(request)) ?? detached(request.url ?? '');
});

function detached(target: string): PageDraft {
  const draft = new PageDraft({ key: '', path: target, target, host: undefined, variants: {} }, 0);
  draft.skip('bypass');
  return draft;
}
