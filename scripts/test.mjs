// npm test: everything that must hold before a change is merged. Arguments go to vitest, and then only vitest runs.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOptional, installPackages, installServers } from './bootstrap.mjs';
import { NEEDED_BY } from './flavours.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitestArguments = process.argv.slice(2);

const SERVERS = new Set([
  ...Object.values(NEEDED_BY).flat(),
  'ngx_http_brotli_static_module.so',
  'ngx_stream_module.so',
  'nutcracker',
  'openssl',
  'postgres',
  'redis-server',
  'wrk',
]);

/** What stands in different lists runs at the same time: most of these programs keep one core busy. */
const CHECKS = [
  [
    ['prettier', 'prettier', '--check', '.'],
    ['layers', 'depcruise', '--config', '.dependency-cruiser.cjs', 'lib'],
    ['knip', 'knip'],
  ],
  [
    ['types', 'tsc', '-p', 'tsconfig.json'],
    ['oxlint', 'oxlint', '--type-aware'],
  ],
];
/** Of the package as it would be published. */
const packageChecks = (file) => [
  [['publint', 'publint', file, '--strict']],
  // require() of ES modules works on every supported Node; attw does not count on it, hence the rule.
  [['attw', 'attw', file, '--ignore-rules', 'cjs-resolves-to-esm']],
];

/** How many of the slowest files are named at the end. */
const SLOWEST = 40;

let passed = 0;
let failed = 0;

try {
  await Promise.all([step('packages', installPackages), step('servers', installAllServers)]);
  // Compiling takes a minute, so the checks run beside it.
  const compiled = step('sqlite', installSqlite);
  try {
    if (vitestArguments.length === 0) await check();
  } finally {
    await compiled;
  }
  await vitest();
} catch (error) {
  failed++;
  console.error(error);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function check() {
  await together(CHECKS);
  const directory = mkdtempSync(join(tmpdir(), 'package-'));
  // `prepack` builds dist/.
  await step('package', () => run('npm', ['pack', '--silent', '--pack-destination', directory]));
  await together(packageChecks(join(directory, readdirSync(directory)[0] ?? 'missing')));
  rmSync(directory, { recursive: true });
}

async function installAllServers() {
  const { missing, hint } = await installServers({ needed: [...SERVERS] });
  const browser = await installServers({ needed: ['chromium'] });
  if (browser.missing.length > 0) console.log(`The dashboard is not tested in a browser. ${browser.hint}`);
  if (missing.length > 0) throw new Error(`${missing.join(', ')} not found. ${hint}`);
}

async function installSqlite() {
  const isInstalled = await installOptional('better-sqlite3-12', 'npm:better-sqlite3@12.11.1');
  if (!isInstalled) console.log('better-sqlite3 cannot be installed here: tests of SQLite files are skipped.');
}

/** Runs lists of programs at the same time, and the programs of each list one after the other. */
async function together(lists) {
  const inTurn = async (list) => {
    for (const [name, program, ...args] of list) await step(name, () => run(program, args));
  };
  await Promise.all(lists.map(inTurn));
}

async function step(name, action) {
  const start = performance.now();
  const problem = await action().catch((error) => error);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${problem ? 'FAILED' : 'ok'.padEnd(6)} ${name.padEnd(10)} ${seconds.padStart(6)} s`);
  if (!problem) return;
  failed++;
  console.log(`${problem.message.trim()}\n`);
}

async function vitest() {
  const directory = mkdtempSync(join(tmpdir(), 'vitest-'));
  const report = join(directory, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const problem = await run('vitest', ['run', ...reporters, ...vitestArguments], 'inherit').catch((error) => error);
  const tests = counts(report);
  rmSync(directory, { recursive: true });
  passed += tests.passed;
  failed += tests.failed;
  // A crash or an unhandled error: vitest fails, and nothing in its report does.
  if (tests.failed === 0 && (problem || tests.passed === 0)) {
    failed++;
    console.log(`FAILED vitest: ${problem?.message.trim() ?? 'no test ran'}`);
  }
}

function counts(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  reportSlowest(testResults);
  // A file that cannot be loaded has no tests, but fails.
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length };
}

/** Says which files the time goes to. */
function reportSlowest(testResults) {
  const files = testResults.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }));
  const slowest = files.toSorted((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
  console.log(`\nThe slowest of ${files.length} files, in seconds:`);
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(0).padStart(6)}  ${relative(root, name)}`);
}

/** Runs npm or a program of node_modules; rejects with its output. */
function run(program, args, stdio = ['ignore', 'pipe', 'pipe']) {
  return new Promise((resolve, reject) => {
    const path = program === 'npm' ? program : join(root, 'node_modules/.bin', program);
    const child = spawn(path, args, { cwd: root, stdio });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${output}\n${program}: ${signal ? `ended by ${signal}` : `exit code ${code}`}`));
    });
  });
}
