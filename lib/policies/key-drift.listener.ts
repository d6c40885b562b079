import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/page-cache.events.js';
import { FINGERPRINT } from '../options/tokens.js';
import { lookedUp, NGINX_BYPASS } from '../page/page-key-header.js';
import { DriftReport } from './drift-report.js';

/** What nginx has decided for a request stands; a page that it would look for under another key is not stored. */
@Injectable()
export class KeyDriftListener {
  readonly #report = new DriftReport();

  constructor(@Inject(FINGERPRINT) private readonly fingerprint: string | undefined) {}

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    // Where no nginx reads the store, only a visitor can have sent it.
    if (this.fingerprint === undefined) return;
    const looked = lookedUp(event.head.headers);
    const { key } = event.address;
    if (looked === undefined || looked === key) return;
    if (NGINX_BYPASS.test(looked)) return event.bypass(event.skipped ?? 'nginx');
    event.bypass('key-drift');
    this.#report.make(looked, key);
  }
}
