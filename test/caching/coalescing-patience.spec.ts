import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Coalescing, type Lead } from '../../lib/caching/coalescing.js';
import type { PageOutcome } from '../../lib/caching/page-rendering.js';
import type { Page } from '../../lib/page/page.js';

const page: Page = { status: 200, headers: [], body: Buffer.from('page') };
const never = rendering(new Promise<PageOutcome>(() => {}));

function rendering(outcome: Promise<PageOutcome>) {
  return { outcome, shared: outcome, isOutdated: false };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
afterEach(() => void vi.useRealTimers());

async function leadOf(coalescing: Coalescing, key = 'page:/'): Promise<Lead> {
  const joined = await coalescing.join(key);
  if (!('render' in joined)) throw new Error('somebody has rendered the page');
  return joined;
}

/** How long one waits for a page that does not come, in milliseconds. */
async function wait(coalescing: Coalescing): Promise<number> {
  const start = performance.now();
  let end: number | undefined;
  const waiting = leadOf(coalescing).then(() => (end = performance.now()));
  while (end === undefined) await vi.advanceTimersByTimeAsync(100);
  await waiting;
  return end - start;
}

/** Whether somebody who comes while the page is being rendered gets it. */
async function isShared(coalescing: Coalescing): Promise<boolean> {
  const lead = await leadOf(coalescing);
  const other = coalescing.join('page:/');
  lead.render(rendering(Promise.resolve({ stored: true, page })));
  return (await other) === page;
}

it('nobody waits for longer than five seconds, and nobody for what has taken them already', async () => {
  const coalescing = new Coalescing();
  (await leadOf(coalescing)).render(never);
  expect(await wait(coalescing)).toBeLessThan(5200);
  expect(await wait(coalescing)).toBeLessThan(200);
});

it('visitors who leave one after another keep nobody for longer, either', async () => {
  const coalescing = new Coalescing();
  let lead = await leadOf(coalescing);
  const waiting = wait(coalescing);
  // Each time, the one who waits is overtaken by another one, who leaves as well.
  for (let count = 0; count < 10; count += 1) {
    await vi.advanceTimersByTimeAsync(900);
    lead.giveUp('aborted');
    const joined = await coalescing.join('page:/');
    if ('render' in joined) lead = joined;
  }
  expect(await waiting).toBeLessThan(5200);
});

it('what was no page is waited for again after ten seconds, or once somebody has stored it', async () => {
  const coalescing = new Coalescing();
  (await leadOf(coalescing)).giveUp('set-cookie');
  const alone = await leadOf(coalescing);
  await leadOf(coalescing);
  alone.render(rendering(Promise.resolve({ stored: true, page })));
  await vi.advanceTimersByTimeAsync(0);
  expect(await isShared(coalescing)).toBe(true);

  (await leadOf(coalescing)).giveUp('set-cookie');
  await vi.advanceTimersByTimeAsync(10_001);
  expect(await isShared(coalescing)).toBe(true);
});

it('a store that is late once keeps nobody from waiting the next time', async () => {
  const coalescing = new Coalescing();
  (await leadOf(coalescing)).giveUp('store-down');
  expect(await isShared(coalescing)).toBe(true);
});

it('only so many addresses are remembered', async () => {
  const coalescing = new Coalescing();
  for (let index = 0; index < 1001; index += 1) (await leadOf(coalescing, `page:/${index}`)).giveUp('set-cookie');
  const isWaitedFor = async (key: string) => {
    (await leadOf(coalescing, key)).render(never);
    let isOver = false;
    void leadOf(coalescing, key).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(1000);
    return !isOver;
  };
  expect(await isWaitedFor('page:/0')).toBe(true);
  expect(await isWaitedFor('page:/1')).toBe(false);
  expect(await isWaitedFor('page:/1000')).toBe(false);
});
