import { Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheFailed, PageSkipped, PagesPurged, PageStored } from '../events/page-cache.events.js';

/** How long the same failure is not reported again, in milliseconds. */
const SILENCE = 10_000;

/** So many targets of one purge are named. */
const SHOWN = 20;

/** Every decision in the debug log; failures as warnings, without flooding it while a server is down. */
@Injectable()
export class PageCacheLogger {
  readonly #logger = new Logger('PageCache');
  readonly #silentUntil = new Map<string, number>();

  @OnPageCache(PageStored)
  onStored({ address, ttl, bytes }: PageStored): void {
    this.#logger.debug(`stored ${address.key} (${bytes} bytes, ttl ${ttl} ms)`);
  }

  @OnPageCache(PageSkipped)
  onSkipped({ address, reason }: PageSkipped): void {
    this.#logger.debug(`skipped ${address.key} (${reason})`);
  }

  @OnPageCache(PagesPurged)
  onPurged({ targets, purged }: PagesPurged): void {
    const more = targets.length > SHOWN ? `, and ${targets.length - SHOWN} more` : '';
    this.#logger.debug(`purged ${purged} pages of ${targets.slice(0, SHOWN).join(', ')}${more}`);
  }

  @OnPageCache(PageCacheFailed)
  onFailed({ operation, error }: PageCacheFailed): void {
    const now = Date.now();
    if ((this.#silentUntil.get(operation) ?? 0) > now) return;
    this.#silentUntil.set(operation, now + SILENCE);
    this.#logger.warn(`${operation} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
