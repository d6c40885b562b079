import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { countWait, waitFor } from '../../lib/async/patience.js';

const never = new Promise(() => {});

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** For how long a request waits for a purge that never ends, in milliseconds. */
async function waited(request: object): Promise<number> {
  const start = performance.now();
  let end: number | undefined;
  const waiting = waitFor(never, request).then((isDone) => {
    expect(isDone).toBeUndefined();
    end = performance.now();
  });
  while (end === undefined) await vi.advanceTimersByTimeAsync(1);
  await waiting;
  return end - start;
}

it('a request waits once, however often it needs the cache', async () => {
  const request = {};
  expect(await waited(request)).toBeGreaterThan(40);
  for (let more = 0; more < 10; more += 1) expect(await waited(request)).toBeLessThan(5);
});

it('what takes no time takes nothing from it', async () => {
  const request = {};
  for (let quick = 0; quick < 100; quick += 1) expect(await waitFor(Promise.resolve(true), request)).toBe(true);
  expect(await waited(request)).toBeGreaterThan(40);
});

it('another request waits anew', async () => {
  await waited({});
  expect(await waited({})).toBeGreaterThan(40);
});

it('what nginx has waited counts', async () => {
  const request = {};
  countWait(request, 35);
  expect(await waited(request)).toBeLessThan(15);
});

it('a failure is told', async () => {
  await expect(waitFor(Promise.reject(new Error('failed')), {})).rejects.toThrow('failed');
});
