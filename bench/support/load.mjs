// wrk makes the load (https://github.com/wg/wrk): it takes less of the machine than any load generator in JavaScript.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const UNITS = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
const DONE = `
function done(summary, latency)
  io.write(string.format("latency %d %d %d %d\\n", latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end`;

/** A Lua script that asks for one page after the other. */
export function walk(directory, paths) {
  const file = join(directory, 'walk.lua');
  const script = `
    local paths = {${paths.map((path) => JSON.stringify(path)).join(',')}}
    local requests, next = {}, 0
    function init() for index, path in ipairs(paths) do requests[index] = wrk.format("GET", path) end end
    function request() next = next % #requests + 1 return requests[next] end`;
  writeFileSync(file, script);
  return file;
}

/**
 * A Lua script that makes each connection wait before its next request, for as long as visitors do who do not know of each other (an
 * exponential distribution). So the rate is fixed, and a server that is slow once does not keep the others from asking.
 *
 * @param {number} rate requests a second, of all connections together
 */
export function pace(directory, rate, connections) {
  const file = join(directory, 'pace.lua');
  const mean = (1000 * connections) / rate;
  writeFileSync(file, `function delay() return math.floor(-math.log(1 - math.random()) * ${mean} + 0.5) end${DONE}`);
  return file;
}

/** A Lua script that only says how long the answers took. */
export function percentiles(directory) {
  const file = join(directory, 'percentiles.lua');
  writeFileSync(file, DONE);
  return file;
}

/**
 * @param {{ url: string, seconds: number, connections?: number, script?: string, threads?: number, fields?: Record<string, string> }} what
 * @returns {Promise<{ requests: number, rate: number, failed: number, latency: number[] | undefined }>} `failed`: other than 2xx and 3xx,
 *   and connections that broke; `latency`: the 50th, 99th and 99.9th percentile and the maximum in milliseconds, where the script asks for it
 */
export async function load({ url, seconds, connections = 32, script, threads = 1, fields = {} }) {
  const args = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-H', 'Accept-Encoding: gzip'];
  const own = Object.entries(fields).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const { stdout } = await run('wrk', [...args, ...own, ...(script ? ['-s', script] : []), url]);
  const number = (pattern) => Number(pattern.exec(stdout)?.[1] ?? 0);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const latency = /^latency (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout)?.slice(1);
  return {
    requests: number(/(\d+) requests in/),
    rate: number(/Requests\/sec: +([\d.]+)/),
    failed: number(/Non-2xx or 3xx responses: (\d+)/) + sockets.reduce((sum, count) => sum + Number(count), 0),
    failures:
      stdout
        .match(/^.*(?:Socket errors|Non-2xx).*$/gm)
        ?.join('; ')
        .trim() ?? 'none',
    latency: latency?.map((microseconds) => Number(microseconds) * UNITS.us),
  };
}
