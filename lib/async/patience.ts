import { inTime } from './in-time.js';

/** How long a visitor waits for the cache in all, in milliseconds, however often a request needs it. */
const PATIENCE = 45;

/** How long each request has waited, in milliseconds. */
const waited = new WeakMap<object, number>();

/**
 * Waits for the cache on behalf of a request, but not for ever. The operation goes on afterwards.
 *
 * @param patience how long the request waits in all, in milliseconds
 * @returns `undefined` when the request has waited long enough, now and before
 */
export async function waitFor<T>(answer: Promise<T>, request: object, patience = PATIENCE): Promise<T | undefined> {
  const start = performance.now();
  const left = patience - (waited.get(request) ?? 0);
  try {
    return await inTime(answer, left);
  } finally {
    countWait(request, performance.now() - start);
  }
}

/** Must be called when a request goes on in the place of another one: the visitor has waited for both. */
export function passWaitOn(from: object, to: object): void {
  countWait(to, waited.get(from) ?? 0);
}

/** @param milliseconds how long the visitor has waited for the cache somewhere else */
export function countWait(request: object, milliseconds: number): void {
  waited.set(request, (waited.get(request) ?? 0) + milliseconds);
}
