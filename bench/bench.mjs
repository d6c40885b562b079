// What pages cost, with this module and with what one would use instead: `npm run bench`.
//
//   npm run bench                            all of it, in ten to twenty minutes; writes bench/results and the tables in docs
//   npm run bench -- --quick                 every contender once, for a second; writes nothing
//   npm run bench -- --only '30 KB.*/ njs'   what matches a regular expression, of all that is called 'part / contender'; writes nothing
//   npm run bench -- --results <directory>   writes the results there
//   npm run bench -- --rounds 9 --seconds 2  how long
//
// It needs wrk, nginx and memcached; Debian and Ubuntu call the packages so, and varnish. A contender that is not installed is left out.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { GROUPS } from './contenders/all.mjs';
import { fillAndCheck } from './support/check.mjs';
import { chart } from './support/chart.mjs';
import { replaceIn, writeFormatted } from './support/documents.mjs';
import { pace, walk } from './support/load.mjs';
import { commit, isInstalled, machine } from './support/machine.mjs';
import { startOrigin } from './support/origin.mjs';
import { popularity, SIZES } from './support/pages.mjs';
import { asMarkdown, asText, conditions } from './support/report.mjs';
import { measureInTurns } from './support/rounds.mjs';

const run = promisify(execFile);
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    results: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
});
const only = new RegExp(flags.only, 'i');
const rounds = Number(flags.rounds ?? (flags.quick ? 1 : 5));
const seconds = Number(flags.seconds ?? 1);
const MANY = flags.quick ? 200 : 10_000;
const post = (number) => `/post/${number}`;
const many = Array.from({ length: MANY }, (_, number) => post(number));
const ofMany = `hits of ${MANY} pages, as popular as Zipf says`;
const sizes = flags.quick ? [30] : SIZES;
const hot = sizes.map((kilobytes) => ({ name: `hits of ${kilobytes} KB`, path: `/size/${kilobytes}` }));

for (const program of ['wrk', 'nginx', 'memcached']) {
  if (!isInstalled(program)) throw new Error(`${program} is not installed`);
}
const directory = mkdtempSync(join(tmpdir(), 'bench-'));
chmodSync(directory, 0o755);
const started = { date: new Date().toISOString(), commit: commit(), machine: machine(), rounds, seconds };
const parts = [];
const origin = await startOrigin();
const running = [];
let directories = 0;
try {
  for (const group of GROUPS) await measureGroup(group);
  await others();
  if (parts.length === 0) throw new Error(`--only ${flags.only}: nothing is called that`);
} finally {
  for (const contender of running) await contender.stop();
  origin.stop();
  rmSync(directory, { recursive: true, force: true });
}
await write();

async function measureGroup({ title, rate, contenders }) {
  const inFrontOfNode = contenders[0].by === 'nginx';
  const workloads = [
    ...hot.map(({ name, path }) => ({ kind: 'throughput', name, path })),
    // Node makes its pages anew, or has them in its memory: how many there are says little.
    ...(inFrontOfNode
      ? [
          {
            kind: 'throughput',
            name: ofMany,
            script: walk(directory, popularity(MANY, 50_000).map(post)),
          },
        ]
      : []),
    {
      kind: 'latency',
      name: `latencies at ${rate} requests a second`,
      path: '/size/30',
      script: pace(directory, rate, 32),
    },
  ];
  const isWanted = (workload, { name }) => only.test(`${workload.name}, ${title} / ${name}`);
  const wanted = contenders.filter((contender) => workloads.some((workload) => isWanted(workload, contender)));
  const needsMany = workloads.some(({ name }) => name === ofMany && wanted.some((one) => isWanted({ name }, one)));
  const paths = [...hot.map(({ path }) => path), ...(needsMany ? many : [])];
  const ready = [];
  for (const contender of wanted) {
    const missing = [
      ...contender.programs.filter((program) => !isInstalled(program)),
      ...(contender.missing?.() ?? []),
    ];
    if (missing.length > 0) {
      console.log(`left out: ${contender.name}, since ${missing.join(' and ')} is not installed`);
      continue;
    }
    const own = join(directory, String((directories += 1)));
    mkdirSync(own);
    chmodSync(own, 0o777);
    const one = { ...contender, ...(await contender.start({ directory: own, origin, paths })) };
    running.push(one);
    ready.push(one);
    await fillAndCheck(one, paths);
  }
  for (const { kind, name, ...how } of workloads) {
    const subjects = ready.filter((contender) => isWanted({ name }, contender));
    if (subjects.length === 0) continue;
    add({ kind, title: `${name}, ${title}`, results: await measureInTurns(subjects, { rounds, seconds, ...how }) });
  }
  for (const contender of ready) {
    await contender.stop();
    running.splice(running.indexOf(contender), 1);
  }
}

/** What other commands here measure: they are run, and what they print is kept. */
async function others() {
  const time = flags.quick ? { ROUNDS: 1, SECONDS: 1 } : { ROUNDS: 3, SECONDS: 2 };
  const commands = [
    { name: 'misses', file: 'misses.mjs', settings: time },
    { name: 'purges', file: 'purge.mjs', settings: { ...time, SECONDS: 0 } },
  ];
  for (const { name, file, settings } of commands) {
    if (!only.test(`${name} / `)) continue;
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, file)], {
      env: {
        ...process.env,
        ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)])),
      },
    });
    add({ kind: 'output', title: name, output: stdout.trimEnd() });
  }
}

function add(part) {
  parts.push(part);
  console.log(`\n${asText(part)}`);
}

/** The results are those of a whole run, unless it is said where others go. */
async function write() {
  const isWhole = !flags.quick && flags.only === '';
  const to = flags.results ?? (isWhole ? join(import.meta.dirname, 'results') : undefined);
  if (to === undefined) return;
  mkdirSync(to, { recursive: true });
  await writeFormatted(join(to, 'bench.json'), JSON.stringify({ ...started, parts }));
  const tables = parts.filter(({ kind }) => kind !== 'output');
  const drawn = tables.filter(({ title }) => title.startsWith('hits of 30 KB'));
  const own = new Set(
    GROUPS.flatMap(({ contenders }) =>
      contenders.filter(({ source }) => source.startsWith('docs/')).map(({ name }) => name),
    ),
  );
  if (drawn.length > 0) writeFileSync(join(to, 'hits.svg'), chart(drawn, own));
  if (flags.results !== undefined || !isWhole) return;
  const document = join(import.meta.dirname, '../docs/performance.md');
  await replaceIn(document, 'hits', [conditions(started), ...tables.map(asMarkdown)].join('\n\n'));
}
