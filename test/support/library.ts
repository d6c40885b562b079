import { cpSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** When a file of the library was last changed, in milliseconds. */
export function lastChange(): number {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  return Math.max(...sources.map((source) => statSync(join(root, 'lib', source)).mtimeMs));
}

/**
 * Makes a directory the compiled package, with the packages that it needs. `npm test` has compiled the library before; narrow runs have not, and
 * must not do it in dist/, which others may be reading.
 */
export async function installInto(directory: string): Promise<void> {
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const [built, dist] = [join(root, 'dist'), join(directory, 'dist')];
  const { mtimeMs = 0 } = statSync(join(built, 'index.js'), { throwIfNoEntry: false }) ?? {};
  if (mtimeMs > lastChange()) return cpSync(built, dist, { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', dist];
  await promisify(execFile)(process.execPath, args);
}
