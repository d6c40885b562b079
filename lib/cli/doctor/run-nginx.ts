import { execFile } from 'node:child_process';
import type { Examined } from './check.js';

/** Where packages put nginx, which is not in the PATH of every user. */
const SBIN = ':/usr/local/sbin:/usr/sbin:/usr/local/openresty/nginx/sbin';

export interface NginxRan {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Lets nginx look at the configuration that it runs with.
 *
 * @throws when there is no such program
 */
export function runNginx(
  { nginx, env, confFile }: Pick<Examined, 'nginx' | 'env' | 'confFile'>,
  args: readonly string[],
): Promise<NginxRan> {
  const file = confFile === undefined ? [] : ['-c', confFile];
  const options = { env: { ...env, PATH: `${env['PATH']}${SBIN}` }, maxBuffer: 64 << 20 };
  return new Promise((resolve, reject) => {
    execFile(nginx, [...args, ...file], options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
