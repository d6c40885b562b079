import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';
import type { NginxDeployment } from '../nginx/deployment.js';
import type { GlobalOptions } from './global-options.js';
import { CliError } from './cli.error.js';
import { givenOptions } from './given-options.js';
import { loadFile } from './load-file.js';
import { createSite } from './site-of-module.js';
import type { Terminal } from './terminal.js';

const NAMES = ['ts', 'mts', 'js', 'mjs'].map((extension) => `nginx-cache.config.${extension}`);

/** `nest build` compiles what is in `src/`, so most applications have their options there. */
const FOLDERS = ['.', 'src'];

/** The configuration of a site. */
export interface Configuration {
  readonly options: NginxCacheOptions;
  /** Where nginx runs: the second argument of `nginxConf()`. Empty if the file does not export it. */
  readonly deployment: Partial<NginxDeployment>;
  /** The file that it was read from. */
  readonly file: string;
}

/**
 * Reads the configuration: the file, or the module of the application.
 *
 * @throws {CliError} when there is none, or when it does not export what it should
 */
export async function loadConfiguration(given: GlobalOptions, terminal: Terminal): Promise<Configuration> {
  if (given.module === undefined) {
    const file = configurationFile(given, terminal);
    const { default: options, deployment } = await loadFile(file);
    if (typeof options !== 'object' || options === null) {
      throw new CliError(
        `${file} exports no options`,
        'Export by default what forRoot() is given: export default defineConfig({ … }).',
      );
    }
    return { options, deployment: deploymentOf(deployment, file), file };
  }
  const site = await createSite(given.module, terminal, false);
  try {
    return {
      options: givenOptions(site.app),
      deployment: deploymentOf(site.exports['deployment'], site.file),
      file: site.file,
    };
  } finally {
    await site.app.close();
  }
}

function configurationFile({ config }: GlobalOptions, { cwd }: Terminal): string {
  if (config !== undefined) return resolve(cwd, config);
  const found = FOLDERS.flatMap((folder) => NAMES.map((name) => resolve(cwd, folder, name))).find((file) =>
    existsSync(file),
  );
  if (found !== undefined) return found;
  throw new CliError(
    `There is no nginx-cache.config.{ts,js,mjs} in ${cwd} or its src/`,
    'Name it with --config FILE, or the module of the application with --module dist/app.module.js.',
  );
}

function deploymentOf(given: unknown, file: string): Partial<NginxDeployment> {
  if (given === undefined) return {};
  if (typeof given === 'object' && given !== null) return given;
  throw new CliError(
    `${file}: deployment is not an object`,
    "Write: export const deployment = { app: '127.0.0.1:3000' }.",
  );
}
