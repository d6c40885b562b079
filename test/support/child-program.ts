import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { build } from 'vite';

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
  { args = [], timeout = 170_000 }: { args?: string[]; timeout?: number } = {},
): Promise<{ code: number | null; output: string }> {
  const { program, remove } = await buildChild(source);
  try {
    return await runNode([...args, program], timeout);
  } finally {
    remove();
  }
}

/**
 * Makes the program without running it: one file with the library in it, which starts faster than two hundred. A source map lies beside it.
 *
 * @param packages those that are put into the file as well
 * @param constants such as deadlines that no busy machine may miss
 */
export async function buildChild(
  source: string,
  { packages = [], constants = {} }: { packages?: string[]; constants?: Constants } = {},
): Promise<{ program: string; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'child-'));
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
    ssr: { noExternal: packages },
    plugins: [
      {
        name: 'program',
        enforce: 'pre',
        resolveId: (id, importer) => {
          if (id === PROGRAM) return id;
          return importer === PROGRAM && id.startsWith('./lib/') ? join(root, id.replace(/\.js$/, '.ts')) : undefined;
        },
        load: (id) => (id === PROGRAM ? source : undefined),
        transform: (code, id) => {
          const own = constants[relative(join(root, 'lib'), id)];
          return own && Object.entries(own).reduce(withConstant, code);
        },
      },
    ],
  });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return { program: join(directory, 'program.mjs'), remove: () => rmSync(directory, { recursive: true }) };
}

function withConstant(code: string, [name, value]: [string, number]): string {
  const declaration = new RegExp(`^((?:export )?const ${name} = )[\\d_]+;`, 'm');
  if (!declaration.test(code)) throw new Error(`There is no number ${name}.`);
  return code.replace(declaration, `$1${value};`);
}

/** @returns its exit code and what it wrote */
export function runNode(args: string[], timeout = 30_000): Promise<{ code: number | null; output: string }> {
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
