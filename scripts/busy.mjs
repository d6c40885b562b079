// Runs a command while the machine is busy: `node scripts/busy.mjs npm test`, or `… npx vitest run test/purging`.
// Four processes compute, and one writes and calls fsync, until the command has ended; its exit code is passed on.
import { fork, spawn } from 'node:child_process';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const COMPUTING = 4;
/** How long a process works between two looks at whether it is still wanted, in milliseconds. */
const SLICE = 20;
/** What is written before each fsync, in bytes. */
const WRITTEN = 64 * 1024;

/** The work of each process, by its name. A parent that ends closes the channel, and its processes end, too. */
const WORK = {
  async compute() {
    let number = 0.5;
    while (process.connected) {
      for (const end = performance.now() + SLICE; performance.now() < end;) {
        for (let step = 0; step < 1000; step += 1) number = 3.9 * number * (1 - number);
      }
      await turn();
    }
  },

  async fsync() {
    const directory = mkdtempSync(join(tmpdir(), 'busy-'));
    const file = openSync(join(directory, 'file'), 'w');
    const bytes = Buffer.alloc(WRITTEN, 'x');
    while (process.connected) {
      writeSync(file, bytes, 0, bytes.length, 0);
      fsyncSync(file);
      await turn();
    }
    closeSync(file);
    rmSync(directory, { recursive: true });
  },
};

const work = process.send && WORK[process.argv[2]];
if (work) await work();
else run(process.argv.slice(2));

function run([command, ...args]) {
  if (command === undefined) {
    console.error('usage: node scripts/busy.mjs <command> [argument …]');
    process.exitCode = 2;
    return;
  }
  const names = [...Array.from({ length: COMPUTING }, () => 'compute'), 'fsync'];
  console.log(`busy: ${COMPUTING} processes that compute and one that calls fsync, on ${cpus().length} cores`);
  const workers = names.map((name) => fork(fileURLToPath(import.meta.url), [name]));
  const child = spawn(command, args, { stdio: 'inherit' });
  const end = (code) => {
    // Their channel keeps this process alive; without it they end.
    for (const worker of workers) if (worker.connected) worker.disconnect();
    process.exitCode = code;
  };
  child.on('error', (error) => {
    console.error(error.message);
    end(127);
  });
  child.on('exit', (code, signal) => {
    if (signal) console.error(`busy: ${command} ended by ${signal}`);
    end(code ?? 1);
  });
  // A terminal sends ^C to the whole group: the command decides when it ends.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
}
