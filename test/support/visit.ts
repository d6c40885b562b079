import type { PageLog } from './page-log.js';

/** A visit, and what became of the page. */
export interface Visit<T> {
  readonly answer: T;
  /** `hit`, `stored`, or the reason why the page is not stored. */
  readonly outcome: string;
}

/** Nobody waits for memcached longer than 45 ms. On a busy machine it may take longer, though nothing is wrong. */
const LATE = new Set(['store-down', 'purges-unknown']);

/**
 * Asks for a page, and waits until it is known what became of it. Asks again where the store was late.
 *
 * @param statusOf the `Cache-Status` of an answer
 */
export async function visit<T>(
  log: PageLog,
  target: string,
  ask: () => Promise<T>,
  statusOf: (answer: T) => string,
): Promise<Visit<T>> {
  for (;;) {
    log.outcomes.delete(target);
    const answer = await ask();
    const outcome = await outcomeOf(statusOf(answer), log, target);
    if (!LATE.has(outcome)) return { answer, outcome };
  }
}

async function outcomeOf(status: string, log: PageLog, target: string): Promise<string> {
  if (/;\s*hit\b/.test(status)) return 'hit';
  // Only who renders a page decides whether it is stored.
  if (status.includes('fwd=miss')) return log.outcome(target);
  return /detail=([^;,\s]+)/.exec(status)?.[1] ?? status;
}

/**
 * The same configuration for a machine that is busy: nginx waits for memcached as long as it takes. By itself it waits 40 ms,
 * and then a page that is stored is a miss.
 */
export function patient<T extends { readonly full: string }>(conf: T): T {
  return { ...conf, full: conf.full.replaceAll(/_timeout 40ms;/g, '_timeout 10s;') };
}
