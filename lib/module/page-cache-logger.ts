import { Injectable, Logger } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageCacheFailed, PageSkipped, PagesPurged, PageStored } from '../events/outcomes.events.js';

/** How long the same kind of failure is not reported again, in milliseconds. */
const SILENCE = 10_000;

/** How many targets of one purge are named. */
const SHOWN = 20;

/**
 * Logs every decision in the debug log, and failures as warnings. If a store is down, the same operation fails again and again: that is
 * logged once, until the operation succeeds.
 */
@Injectable()
export class PageCacheLogger {
  readonly #logger = new Logger('PageCache');
  readonly #silentUntil = new Map<string, number>();
  readonly #failing = new Set<string>();

  @OnPageCache(PageStored)
  onStored({ address, ttl, bytes, cause }: PageStored): void {
    this.#failing.delete('set');
    this.#logger.debug(
      `stored ${address.key} (${bytes} ${bytes === 1 ? 'byte' : 'bytes'}, ttl ${ttl} ms${cause === 'visit' ? '' : `, ${cause}`})`,
    );
  }

  @OnPageCache(PageSkipped)
  onSkipped({ address, reason }: PageSkipped): void {
    this.#logger.debug(`skipped ${address.key} (${reason})`);
  }

  @OnPageCache(PagesPurged)
  onPurged({ targets, purged }: PagesPurged): void {
    this.#failing.delete('purge');
    const more = targets.length > SHOWN ? `, and ${targets.length - SHOWN} more` : '';
    this.#logger.debug(
      `purged ${purged} ${purged === 1 ? 'page' : 'pages'} of ${targets.slice(0, SHOWN).join(', ')}${more}`,
    );
  }

  @OnPageCache(PageCacheFailed)
  onFailed({ operation, error, isRetried }: PageCacheFailed): void {
    const why = `${operation} failed: ${error instanceof Error ? error.message : String(error)}`;
    // A page that cannot be read is rendered: `StoreOutages` reports that if it happens to several. `PendingPurges` reports purges that wait.
    if (operation === 'get' || isRetried) return this.#logger.debug(why);
    const now = Date.now();
    if (this.#failing.has(operation) || (this.#silentUntil.get(operation) ?? 0) > now) return;
    this.#silentUntil.set(operation, now + SILENCE);
    if (operation === 'set' || operation === 'purge') this.#failing.add(operation);
    this.#logger.warn(why);
  }
}
