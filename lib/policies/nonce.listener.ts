import { Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageResponding } from '../events/page-cache.events.js';

const POLICIES = ['content-security-policy', 'content-security-policy-report-only'];

/**
 * Keeps out pages with a nonce. A nonce must be used only once: somebody who knows it beforehand can run scripts (Content Security Policy
 * Level 3, section 7.1).
 *
 * @publicApi
 */
@Injectable()
export class NonceListener {
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (POLICIES.some((name) => event.header(name).some((policy) => /'nonce-/i.test(policy)))) event.skip('nonce');
  }
}
