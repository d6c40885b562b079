import { execFile } from 'node:child_process';

/** Where packages install nginx: these directories are not in the PATH of every user. */
const SBIN = ':/usr/local/sbin:/usr/sbin:/usr/local/openresty/nginx/sbin';

/** Which nginx to run. */
export interface NginxProgram {
  /** Path or name. */
  readonly nginx: string;
  readonly env: NodeJS.ProcessEnv;
  /** Its configuration; if none is named, that of the package. */
  readonly confFile: string | undefined;
}

export interface NginxRan {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Lets nginx check or show a configuration.
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
