import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LogSummary } from '../operations/log/log-summary.js';
import { CliError } from './cli.error.js';
import { ExitCode } from './exit-code.js';

/**
 * The path of an access log.
 *
 * @param command what to type in front of the path
 * @throws {CliError} when it cannot be read
 */
export async function readableLog(given: string, cwd: string, command: string): Promise<string> {
  const file = resolve(cwd, given);
  const cure = `Name the access log of nginx: ${command} /var/log/nginx/access.log.`;
  try {
    await access(file, constants.R_OK);
  } catch (cause) {
    throw new CliError(`${file} cannot be read`, cure, ExitCode.USAGE, { cause });
  }
  if ((await stat(file)).isDirectory()) throw new CliError(`${file} is a directory`, cure);
  return file;
}

/** @throws {CliError} when no line of the log could be read */
export function mustBeReadable({ requests, ofDoctor, unreadable }: LogSummary): void {
  if (requests + ofDoctor > 0 || unreadable === 0) return;
  throw new CliError(
    'No line of the log is in the format that `nginx-cache conf` writes',
    'Use it for the access log: access_log FILE page_cache_log; its name is that of the log_format in http.conf.',
    ExitCode.PROBLEM,
  );
}
