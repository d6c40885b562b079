import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'vite';
import { lastChange } from './library.js';

const root = join(import.meta.dirname, '../..');
/** There is no such file; its place decides which tsconfig.json holds. */
const PROGRAM = join(root, 'test/program.ts');

/** Numbers that a program has in the place of the library's own: by file of lib/, then by name. */
export type Constants = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Runs a program of its own process, made of the library and of the TypeScript given, which finds the library under
 * `./lib/index.js`.
 *
 * @returns its exit code and what it wrote
 */
export async function runChild(
  source: string,
  { args = [], timeout = 590_000 }: { args?: string[]; timeout?: number } = {},
): Promise<{ code: number | null; output: string }> {
  return runNode([...args, await buildChild(source)], timeout);
}

/**
 * Makes the program without running it: one file with the library in it, which starts faster than two hundred. A source map lies beside it. The
 * same program is made once for all tests of a run.
 *
 * @param packages those that are put into the file as well
 * @param constants such as deadlines that no busy machine may miss
 * @returns the file
 */
export async function buildChild(
  source: string,
  { packages = [], constants = {} }: { packages?: string[]; constants?: Constants } = {},
): Promise<string> {
  const programs = process.env['PROGRAMS']!;
  const parts = JSON.stringify([source, packages, constants, lastChange()]);
  const directory = join(programs, createHash('sha256').update(parts).digest('hex').slice(0, 16));
  const program = join(directory, 'program.mjs');
  if (existsSync(program)) return program;
  const own = mkdtempSync(join(programs, 'new-'));
  await buildInto(own, source, packages, constants);
  try {
    renameSync(own, directory);
  } catch (error) {
    rmSync(own, { recursive: true });
    // Another process has been faster.
    if (!existsSync(program)) throw error;
  }
  return program;
}

async function buildInto(
  directory: string,
  source: string,
  packages: readonly string[],
  constants: Constants,
): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: true,
      sourcemap: true,
      outDir: directory,
      rolldownOptions: { input: PROGRAM, output: { entryFileNames: 'program.mjs', codeSplitting: false } },
    },
    ssr: { noExternal: [...packages] },
    plugins: [
      {
        name: 'program',
        enforce: 'pre',
        resolveId: (id, importer) => {
          if (id === PROGRAM) return id;
          return importer === PROGRAM && /^\.\/(?:lib|test\/support)\//.test(id)
            ? join(root, id.replace(/\.js$/, '.ts'))
            : undefined;
        },
        load: (id) => (id === PROGRAM ? source : undefined),
        transform: (code, id) => {
          const own = constants[relative(join(root, 'lib'), id)];
          return own && Object.entries(own).reduce(withConstant, code);
        },
      },
    ],
  });
}

function withConstant(code: string, [name, value]: [string, number]): string {
  const declaration = new RegExp(`^((?:export )?const ${name} = )[\\d_]+;`, 'm');
  if (!declaration.test(code)) throw new Error(`There is no number ${name}.`);
  return code.replace(declaration, `$1${value};`);
}

/** @returns its exit code and what it wrote */
export function runNode(args: string[], timeout = 590_000): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { timeout, killSignal: 'SIGKILL' });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    // `null` when it had to be killed.
    child.on('close', (code) => resolve({ code, output }));
  });
}
