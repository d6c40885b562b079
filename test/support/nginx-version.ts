import { execFileSync } from 'node:child_process';
import { findProgram } from '../../lib/testing/find-program.js';

/** The version of the nginx that tests run: `1.22.1`. */
export function nginxVersion(): string {
  // nginx writes it to stderr.
  const version = execFileSync('/bin/sh', ['-c', '"$0" -v 2>&1', findProgram('nginx')], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(version)?.[0] ?? '';
}

export function isNginxBefore(wanted: string): boolean {
  return nginxVersion().localeCompare(wanted, 'en', { numeric: true }) < 0;
}
