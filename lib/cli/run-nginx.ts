import { execFile } from 'node:child_process';

/** Where packages put nginx, which is not in the PATH of every user. */
const SBIN = ':/usr/local/sbin:/usr/sbin:/usr/local/openresty/nginx/sbin';

/** Which nginx is meant. */
export interface NginxProgram {
  /** Path or name. */
  readonly nginx: string;
  readonly env: NodeJS.ProcessEnv;
  /** Its configuration; that of the package when it is not named. */
  readonly confFile: string | undefined;
}

export interface NginxRan {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Lets nginx look at a configuration.
 *
 * @throws when there is no such program
 */
export function runNginx({ nginx, env, confFile }: NginxProgram, args: readonly string[]): Promise<NginxRan> {
  const file = confFile === undefined ? [] : ['-c', confFile];
  const options = { env: { ...env, PATH: `${env['PATH']}${SBIN}` }, maxBuffer: 64 << 20 };
  return new Promise((resolve, reject) => {
    execFile(nginx, [...args, ...file], options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}
