#!/usr/bin/env node
import { run } from './run.js';

const interrupted = new AbortController();
// The second Ctrl-C ends the process at once, as that of any program.
process.once('SIGINT', () => interrupted.abort());
// `nginx-cache ls | head` has read enough.
process.stdout.on('error', () => process.exit(0));

const { stdout, stderr, env } = process;
const exitCode = await run(process.argv.slice(2), {
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupted.signal,
});
// exit() waits for nothing that a pipe has not taken yet.
await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
// Not by `exitCode`: a timer or a connection of the application that was loaded would keep the process alive.
process.exit(exitCode);
