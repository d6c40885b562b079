#!/usr/bin/env node
import { run } from './run.js';

const interrupted = new AbortController();
// The second Ctrl-C ends the process at once, as with any program.
process.once('SIGINT', () => interrupted.abort());
// For `nginx-cache ls | head`, when head has read enough.
process.stdout.on('error', () => process.exit(0));

const { stdout, stderr, env } = process;
const exitCode = await run(process.argv.slice(2), {
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupted.signal,
});
// exit() does not wait for what a pipe has not taken yet.
await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
// Not with `exitCode`: a timer or a connection of the loaded application would keep the process alive.
process.exit(exitCode);
