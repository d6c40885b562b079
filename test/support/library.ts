import { cpSync, readdirSync, statSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** When a file of the library was last changed, in milliseconds. */
export function lastChange(): number {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  return Math.max(...sources.map((source) => statSync(join(root, 'lib', source)).mtimeMs));
}

/** Puts the compiled library into a directory. `npm test` has compiled it before; narrow runs have not. */
export async function compileInto(directory: string): Promise<void> {
  const built = join(root, 'dist');
  const { mtimeMs = 0 } = statSync(join(built, 'index.js'), { throwIfNoEntry: false }) ?? {};
  if (mtimeMs > lastChange()) return cpSync(built, directory, { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', directory];
  await promisify(execFile)(process.execPath, args);
}
