import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds: 100 ticks a second, on every Linux (USER_HZ, proc(5)). */
const CLOCK_TICK = 10_000;

/**
 * The CPU time that processes have taken so far, with all their threads and the children that they have now, in microseconds.
 *
 * @param {number[]} pids
 * @returns {number | undefined} where there is no /proc
 */
export function cpuTime(pids) {
  try {
    return pids.flatMap(withChildren).reduce((sum, pid) => sum + ofOne(pid), 0);
  } catch {
    return undefined;
  }
}

function ofOne(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK;
}

function withChildren(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withChildren)];
}
