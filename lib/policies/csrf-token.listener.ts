import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/decisions.events.js';

/** `X-CSRF-Token`, `X-XSRF-Token`, `CSRF-Token`, `X-CSRFToken`, `X-CSRF-Protection`, … */
const TOKEN = /^(?:x-)?[cx]srf(?:-|token|$)/i;

/**
 * Keeps out responses with a token against forged requests: the token belongs to one visitor.
 *
 * @publicApi
 */
@Injectable()
export class CsrfTokenListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (event.headers.some(([name]) => TOKEN.test(name))) event.skip('csrf-token');
  }
}
