import { expect, it } from 'vitest';
import { waitFor } from '../../lib/purging/patience.js';

const never = new Promise(() => {});

it('a request waits for purges once, however many it makes', async () => {
  const request = {};
  const start = performance.now();
  expect(await waitFor(never, request)).toBe(false);
  const once = performance.now() - start;
  expect(once).toBeGreaterThan(40);
  for (let more = 0; more < 10; more += 1) expect(await waitFor(never, request)).toBe(false);
  // Ten times as long, if each were waited for.
  expect(performance.now() - start).toBeLessThan(once * 5);
});

it('what takes no time takes nothing from it', async () => {
  const request = {};
  for (let quick = 0; quick < 100; quick += 1) expect(await waitFor(Promise.resolve(), request)).toBe(true);
  const start = performance.now();
  await waitFor(never, request);
  expect(performance.now() - start).toBeGreaterThan(30);
});

it('another request waits anew', async () => {
  await waitFor(never, {});
  const start = performance.now();
  await waitFor(never, {});
  expect(performance.now() - start).toBeGreaterThan(40);
});

it('a purge that fails is told', async () => {
  await expect(waitFor(Promise.reject(new Error('failed')), {})).rejects.toThrow('failed');
});
