import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import { Fingerprint } from '../options/fingerprint.js';
import { configurationOf, lookedUp, NGINX_BYPASS } from '../page/page-key-header.js';
import { DriftReport } from './drift-report.js';

/**
 * Keeps out a page if nginx looked for it under another key than the application would store it under: nginx would never find it.
 *
 * @publicApi
 */
@Injectable()
export class KeyDriftListener {
  readonly #report = new DriftReport();

  constructor(@Inject(Fingerprint) private readonly fingerprint: Fingerprint) {}

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    // If no nginx reads the store, only a visitor can have sent the field.
    if (this.fingerprint.current === undefined) return;
    const looked = lookedUp(event.head.headers);
    const { key } = event.address;
    if (looked === undefined || looked === key) return;
    if (NGINX_BYPASS.test(looked)) return event.bypass(event.skipped ?? 'nginx');
    event.bypass('key-drift');
    const hasSameOptions = configurationOf(event.head.headers) === this.fingerprint.current;
    this.#report.make(looked, key, hasSameOptions);
  }
}
