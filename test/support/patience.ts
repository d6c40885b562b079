import { setTimeout as delay } from 'node:timers/promises';
import type { RawResponse } from '../../lib/testing/index.js';

/**
 * What the application says when memcached has not answered within 45 ms. On a busy machine that happens though nothing is
 * wrong; then the page is not stored.
 */
const LATE = /fwd=bypass; detail=store-down/;
const ATTEMPTS = 10;
/** A client of memcached that has lost its connection takes that long to come back, in milliseconds. */
const PAUSE = 50;

/** Asks for a page, and asks again where memcached was late. A test about a memcached that is away must not use it. */
export async function patiently<T>(ask: () => Promise<T>, statusOf: (answer: T) => string): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask();
    if (attempt === ATTEMPTS || !LATE.test(statusOf(answer))) return answer;
    await delay(PAUSE);
  }
}

/** The same for raw requests. */
export function patientlyRaw(ask: () => Promise<RawResponse>): Promise<RawResponse> {
  return patiently(ask, ({ headers }) => headers.find(([name]) => /^cache-status$/i.test(name))?.[1] ?? '');
}

/**
 * The same configuration for a machine that is busy: nginx waits for memcached as long as it takes. By itself it waits 40 ms,
 * and then a page that is stored is a miss.
 *
 * @param conf all of it, or a part
 */
export function patient(conf: string): string {
  return conf.replaceAll('_timeout 40ms;', '_timeout 10s;');
}
