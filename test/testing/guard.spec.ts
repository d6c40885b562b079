import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { Guard } from '../../lib/testing/guard.js';

/** Only Linux has it. */
const CHILDREN = `/proc/${process.pid}/task/${process.pid}/children`;

const started: ChildProcess[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A program in a process group of its own, as servers are. */
function start(): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  started.push(child);
  return child as ChildProcess & { pid: number };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

it('leaves a server alone that starts while the test controls the time', async () => {
  const guard = new Guard();
  const first = start();
  guard.begins(first.pid, '');
  await stop(first);
  guard.ends(first.pid);
  // As jest does it.
  vi.useFakeTimers({ shouldClearNativeTimers: false });
  const second = start();
  guard.begins(second.pid, '');
  vi.useRealTimers();
  // Longer than the guard waits for another server.
  await delay(1500);
  expect(second.signalCode).toBeNull();
  await stop(second);
  guard.ends(second.pid);
});

it.runIf(existsSync(CHILDREN))('is replaced when somebody kills it', async () => {
  const before = shells();
  const guard = new Guard();
  const first = start();
  guard.begins(first.pid, '');
  // The kernel tells Node that a program runs a moment before `/proc` shows it.
  const added = () => shells().filter((pid) => !before.includes(pid));
  await expect.poll(added).toHaveLength(1);
  const [shell] = added();
  process.kill(shell!, 'SIGKILL');
  // Node has noticed it.
  await expect.poll(() => children().includes(shell!)).toBe(false);
  const second = start();
  guard.begins(second.pid, '');
  await expect.poll(added).toHaveLength(1);
  for (const child of [first, second]) {
    await stop(child);
    guard.ends(child.pid);
  }
});

/** The shells of this process that guard servers. */
function shells(): number[] {
  return children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').endsWith('guard\0'));
}

function children(): number[] {
  return readFileSync(CHILDREN, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}
