import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';
import { CliError } from './cli.error.js';

/**
 * The exports of a JavaScript or TypeScript file, of either module system.
 *
 * @throws {CliError} when there is no such file, or when it throws
 */
export async function loadFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(file)) throw new CliError(`${file} does not exist`, 'Give the path of a file.');
  try {
    return exportsOf(await imported(file));
  } catch (error) {
    throw new CliError(`${file} cannot be loaded: ${reasonOf(error)}`, 'DEBUG=1 shows where it happened.', undefined, {
      cause: error,
    });
  }
}

async function imported(file: string): Promise<object> {
  if (/^\.[cm]?js$/.test(extname(file))) return import(pathToFileURL(file).href) as Promise<object>;
  // Not with Node's own type stripping: it does not support decorators, or "./other.js" for a file other.ts.
  const jiti = createJiti(import.meta.url, { interopDefault: false });
  return jiti.import<object>(file);
}

/** CommonJS written by TypeScript sets `exports.default`, which `import()` shows one level deeper. */
function exportsOf(module: object): Readonly<Record<string, unknown>> {
  const given: unknown = 'default' in module ? module.default : undefined;
  return { ...module, ...(typeof given === 'object' && given !== null && '__esModule' in given ? given : {}) };
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n', 1)[0] ?? '';
}
