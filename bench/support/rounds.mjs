import { cpuTime } from './cpu-time.mjs';
import { load } from './load.mjs';
import { median, summary } from './statistics.mjs';

/** As much may go wrong, or come from the application, before a measurement is none of hits. */
const TOLERATED = 0.001;

/**
 * Measures contenders in turns, so that a machine that is busy is busy for all of them.
 *
 * @param {object[]} running contenders
 * @param {{ rounds: number, seconds: number, script?: string, path?: string, connections?: number }} how
 * @returns for each contender: requests a second, and CPU microseconds of each of its processes for a request
 */
export async function measureInTurns(running, how) {
  const measured = running.map((contender) => ({ contender, rates: [], cpu: {}, latencies: [], notes: new Set() }));
  for (let round = 0; round < how.rounds; round += 1) {
    for (const one of measured) await measureOnce(one, how);
  }
  const [first] = measured;
  return measured.map(({ contender, rates, cpu, latencies, notes }) => ({
    name: contender.name,
    source: contender.source,
    requestsPerSecond: summary(rates),
    ratio: median(rates.map((rate, round) => rate / first.rates[round])),
    cpuMicroseconds: Object.fromEntries(Object.entries(cpu).map(([process, rounds]) => [process, summary(rounds)])),
    ...(latencies.length > 0 && { latency: percentiles(latencies) }),
    ...(notes.size > 0 && { notes: [...notes] }),
  }));
}

async function measureOnce({ contender, rates, cpu, latencies, notes }, { seconds, script, path = '', connections }) {
  const processes = Object.entries(contender.processes());
  const used = () => processes.map(([, pid]) => cpuTime([pid]));
  const made = await contender.renders();
  const before = used();
  const { requests, rate, failed, latency } = await load({ url: contender.url + path, seconds, script, connections });
  const after = used();
  const renders = (await contender.renders()) - made;
  if (failed > requests * TOLERATED) throw new Error(`${contender.name}: ${failed} of ${requests} requests failed`);
  if (contender.caches !== false && renders > requests * TOLERATED) {
    notes.add(`${renders} of ${requests} pages came from the application`);
  }
  rates.push(rate);
  if (latency) latencies.push(latency);
  processes.forEach(([name], index) => {
    if (after[index] !== undefined) (cpu[name] ??= []).push((after[index] - before[index]) / requests);
  });
}

/** The medians of the rounds, in milliseconds. */
function percentiles(latencies) {
  const [p50, p99, p999, max] = [0, 1, 2, 3].map((index) => median(latencies.map((latency) => latency[index])));
  return { p50, p99, p999, max };
}
