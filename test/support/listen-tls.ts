import { execFileSync } from 'node:child_process';
import { findProgram } from '../../lib/testing/find-program.js';

/** TLS with HTTP/2 on a port of 127.0.0.1, in the words of this version of nginx. */
export function listenTls(port: number): string {
  return `listen 127.0.0.1:${port} ssl${isBefore(1, 25, 1) ? ' http2;' : '; http2 on;'}`;
}

function isBefore(...wanted: [major: number, minor: number, patch: number]): boolean {
  // nginx writes it to stderr.
  const version = execFileSync('/bin/sh', ['-c', '"$0" -v 2>&1', findProgram('nginx')], { encoding: 'utf8' });
  const number = (parts: number[]) => parts.reduce((sum, part) => sum * 1000 + part, 0);
  const own = /\d+\.\d+\.\d+/.exec(version)?.[0] ?? '';
  return number(own.split('.').map(Number)) < number(wanted);
}
