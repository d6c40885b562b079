import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from './cli.error.js';
import { ExitCode } from './exit-code.js';

/**
 * The path of an access log.
 *
 * @throws {CliError} when it cannot be read
 */
export async function readableLog(given: string, cwd: string): Promise<string> {
  const file = resolve(cwd, given);
  try {
    await access(file);
    return file;
  } catch (cause) {
    const cure = 'Name the access log of nginx: /var/log/nginx/access.log.';
    throw new CliError(`${file} cannot be read`, cure, ExitCode.USAGE, { cause });
  }
}
