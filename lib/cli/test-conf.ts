import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxConf } from '../configuration/nginx-conf.js';
import type { NginxDeployment } from '../nginx/deployment.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import { CliError } from './cli.error.js';
import { confFiles, writeConfFiles } from './conf-files.js';
import { lackingModule } from './lacking-module.js';
import { runNginx } from './run-nginx.js';

/** What `nginx -t` says about a configuration. */
export interface ConfTest {
  readonly isGood: boolean;
  /** The lines that nginx has written. */
  readonly output: string;
  /** What to do, if nginx lacks a module: one or two sentences. */
  readonly cure?: string;
}

/**
 * Lets nginx check the configuration, as a complete nginx.conf in a temporary directory: its logs and its pid file must not be those of a
 * running nginx.
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
    // Files that somebody else's server includes need no hosts.
    const conf = nginxConf({ ...options, hosts: options.hosts ?? 'any' }, { ...deployment, directory });
    await writeConfFiles(confFiles(conf, true), directory);
    const confFile = join(directory, 'nginx.conf');
    const { code, stderr } = await runNginx({ nginx: program, env, confFile }, ['-t', '-p', directory, '-e', 'stderr']);
    const lacking = code === 0 ? undefined : lackingModule(stderr);
    return { isGood: code === 0, output: stderr.trim(), ...(lacking && { cure: `${lacking.what}. ${lacking.cure}` }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CliError(`There is no ${program} here`, 'Install nginx, or say where it is: --nginx /usr/sbin/nginx.');
  } finally {
    await rm(directory, { recursive: true });
  }
}
