import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { Pace } from '../../lib/publishing/pace.js';
import { Gate } from '../support/gate.js';

/** Renderings that last until they are let go. */
class Work {
  readonly #events = new EventEmitter();
  readonly gates: Gate[] = [];
  running = 0;
  most = 0;

  readonly one = async () => {
    const gate = new Gate();
    this.gates.push(gate);
    this.#events.emit('begin');
    this.most = Math.max(this.most, (this.running += 1));
    await gate.pass();
    this.running -= 1;
    return 'rendered';
  };

  async begun(count: number): Promise<void> {
    while (this.gates.length < count) await once(this.#events, 'begin');
  }
}

const never = new AbortController().signal;

it('begins everything that it is given while nobody is here', async () => {
  const work = new Work();
  const pace = new Pace({ areHere: false }, never);
  const all = [1, 2, 3].map(() => pace.run(work.one));
  await work.begun(3);
  for (const gate of work.gates) gate.open();
  expect(await Promise.all(all)).toEqual(['rendered', 'rendered', 'rendered']);
});

it('begins one after the other while visitors are here', async () => {
  const work = new Work();
  const pace = new Pace({ areHere: true }, never);
  const all = [1, 2, 3].map(() => pace.run(work.one));
  for (const count of [1, 2, 3]) {
    await work.begun(count);
    work.gates.at(-1)!.open();
  }
  await Promise.all(all);
  expect(work.most).toBe(1);
});

it('goes on with several as soon as the visitors have left', async () => {
  const work = new Work();
  const visitors = { areHere: true };
  const pace = new Pace(visitors, never);
  const all = [1, 2, 3].map(() => pace.run(work.one));
  await work.begun(1);
  visitors.areHere = false;
  work.gates[0]!.open();
  await work.begun(3);
  for (const gate of work.gates) gate.open();
  await Promise.all(all);
  expect(work.most).toBe(2);
});

it('takes no further turn when a rendering fails, or when the signal comes', async () => {
  const stop = new AbortController();
  const pace = new Pace({ areHere: true }, stop.signal);
  await expect(pace.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  pace.pause(3_600_000);
  const waiting = pace.run(async () => 'rendered');
  stop.abort();
  expect(await waiting).toBeUndefined();
});
