import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');

/**
 * Runs a program of its own process, made of the library and of the TypeScript given, which finds the library under
 * `./lib/index.js`.
 *
 * @returns its exit code and what it wrote
 */
export async function runChild(
  source: string,
  { args = [], timeout = 30_000 }: { args?: string[]; timeout?: number } = {},
): Promise<{ code: number | null; output: string }> {
  const { program, remove } = buildChild(source);
  try {
    return await run([...args, program], timeout);
  } finally {
    remove();
  }
}

/** Makes the program without running it. */
export function buildChild(source: string): { program: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'child-'));
  for (const file of readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.ts')) write(directory, join('lib', file), readFileSync(join(root, 'lib', file), 'utf8'));
  }
  write(directory, 'program.ts', source);
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return { program: join(directory, 'program.js'), remove: () => rmSync(directory, { recursive: true }) };
}

function write(directory: string, file: string, source: string): void {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      verbatimModuleSyntax: true,
    },
  });
  const path = join(directory, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, outputText);
}

function run(args: string[], timeout: number): Promise<{ code: number | null; output: string }> {
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
