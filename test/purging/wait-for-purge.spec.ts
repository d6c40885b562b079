import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { waitForPurge } from '../../lib/purging/wait-for-purge.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it.each([
  ['GET', 45],
  ['HEAD', 45],
  [undefined, 45],
  ['POST', 1000],
  ['PUT', 1000],
  ['PATCH', 1000],
  ['DELETE', 1000],
])('after %s, a purge is waited for so long in all: %i ms', async (method, milliseconds) => {
  const request = { method };
  const wait = async () => {
    let isOver = false;
    void waitForPurge(new Promise(() => {}), request).then(() => (isOver = true));
    const start = performance.now();
    while (!isOver) await vi.advanceTimersByTimeAsync(1);
    return performance.now() - start;
  };
  expect(Math.abs((await wait()) - milliseconds)).toBeLessThan(5);
  expect(await wait()).toBeLessThan(5);
});
