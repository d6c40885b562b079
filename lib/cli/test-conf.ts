import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nginxConf } from '../configuration/nginx-conf.js';
import type { NginxDeployment } from '../nginx/deployment.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { CliError } from './cli.error.js';
import { confFiles, writeConfFiles } from './conf-files.js';

/** Where packages put nginx, which is not in the PATH of every user. */
const SBIN = ':/usr/local/sbin:/usr/sbin:/usr/local/openresty/nginx/sbin';

/** What `nginx -t` says of a configuration. */
export interface ConfTest {
  readonly isGood: boolean;
  /** Lines of nginx. */
  readonly output: string;
}

/**
 * Lets nginx check the configuration, as a whole nginx.conf in a directory for temporary files: what it logs and where its pid file is
 * must not be those of a running nginx.
 *
 * @param program path or name of nginx
 * @throws {CliError} when there is no nginx
 */
export async function testConf(
  options: NginxCacheOptions,
  deployment: NginxDeployment,
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<ConfTest> {
  const directory = await mkdtemp(join(tmpdir(), 'nginx-cache-'));
  try {
    // What is included into a server of somebody else's needs no hosts.
    const conf = nginxConf({ ...options, hosts: options.hosts ?? 'any' }, { ...deployment, directory });
    await writeConfFiles(confFiles(conf, true), directory);
    const args = ['-t', '-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')];
    const { stderr } = await promisify(execFile)(program, args, { env: { ...env, PATH: `${env['PATH']}${SBIN}` } });
    return { isGood: true, output: stderr.trim() };
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new CliError(`There is no ${program} here`, 'Install nginx, or say where it is: --nginx /usr/sbin/nginx.');
    }
    if (stderr === undefined) throw error;
    return { isGood: false, output: stderr.trim() };
  } finally {
    await rm(directory, { recursive: true });
  }
}
