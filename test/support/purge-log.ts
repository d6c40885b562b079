import { Injectable } from '@nestjs/common';
import { OnPageCache, PageCacheFailed, PagesPurged } from '../../lib/index.js';

/** Remembers what was purged, and what went wrong. */
@Injectable()
export class PurgeLog {
  readonly failures: PageCacheFailed[] = [];
  readonly #purged: string[] = [];

  @OnPageCache(PagesPurged)
  onPurged({ targets }: PagesPurged): void {
    this.#purged.push(...targets);
  }

  @OnPageCache(PageCacheFailed)
  onFailed(event: PageCacheFailed): void {
    this.failures.push(event);
  }

  /** What was purged since the last call, each once. */
  take(): string[] {
    return [...new Set(this.#purged.splice(0))].sort();
  }
}
