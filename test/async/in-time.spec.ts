import { expect, it, vi } from 'vitest';
import { inTime } from '../../lib/async/in-time.js';

it('waits for one turn when the time is over already, without a negative timeout', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  expect(await inTime(new Promise(() => {}), -5)).toBeUndefined();
  expect(await inTime(Promise.resolve('answer'), -5)).toBe('answer');
  // Node 22 warns of them (TimeoutNegativeWarning).
  expect(timers.mock.calls.map(([, milliseconds]) => milliseconds)).toEqual([0, 0]);
  timers.mockRestore();
});
