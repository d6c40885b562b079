import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import { Fingerprint } from '../options/fingerprint.js';
import { configurationOf, lookedUp, NGINX_BYPASS } from '../page/page-key-header.js';
import { DriftReport } from './drift-report.js';

/**
 * Keeps everything out while nginx runs with other options than the application. It is called first, because nginx may bypass the cache
 * where the application would not.
 *
 * @publicApi
 */
@Injectable()
export class OtherConfigurationListener {
  readonly #report = new DriftReport();

  constructor(@Inject(Fingerprint) private readonly fingerprint: Fingerprint) {}

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    const { headers } = event.head;
    const given = configurationOf(headers);
    // If no nginx reads the store, only a visitor can have sent the field.
    if (this.fingerprint.current === undefined || given === undefined || given === this.fingerprint.current) return;
    const looked = lookedUp(headers) ?? '';
    const { key } = event.address;
    event.bypass(looked === key || NGINX_BYPASS.test(looked) ? 'other-configuration' : 'key-drift');
    this.#report.make(looked, key, false);
  }
}
