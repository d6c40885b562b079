import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

/** Instead of the file system, for the store of a program: `globalThis.beforeStep` is called before each asynchronous call. */
const STEPS = `
  import * as fs from 'fs/promises';
  const step = (name) => (...args) => {
    globalThis.beforeStep?.(name, args);
    return fs[name](...args);
  };
  ${[
    'link',
    'lstat',
    'mkdir',
    'open',
    'readdir',
    'readFile',
    'readlink',
    'rename',
    'rmdir',
    'stat',
    'symlink',
    'unlink',
    'utimes',
    'writeFile',
  ]
    .map((name) => `export const ${name} = step('${name}');`)
    .join('\n')}
`;

/** Programs that use the store, bundled with it, so that a process starts quickly and can be killed. */
export class StoreProgram {
  readonly #children = new Set<ChildProcess>();

  private constructor(private readonly directory: string) {}

  /** @param source a module; it finds `file-store`, `body-format`, `put-page` and `sealed` */
  static async build(source: string): Promise<StoreProgram> {
    const directory = mkdtempSync(join(tmpdir(), 'store-program-'));
    // A program may be run as another user.
    chmodSync(directory, 0o755);
    const modules: Record<string, string> = {
      'file-store': join(import.meta.dirname, '../../../lib/stores/files/file-store.ts'),
      'body-format': join(import.meta.dirname, '../../../lib/page/body-format.ts'),
      'put-page': join(import.meta.dirname, '../../support/put-page.ts'),
      sealed: join(import.meta.dirname, 'sealed.ts'),
    };
    await build({
      configFile: false,
      logLevel: 'silent',
      ssr: { noExternal: true },
      build: {
        ssr: true,
        outDir: directory,
        rollupOptions: { input: 'program.js', output: { entryFileNames: 'program.mjs' } },
      },
      plugins: [
        {
          name: 'program',
          enforce: 'pre',
          resolveId: (id, importer) => {
            if (id === 'program.js') return '\0program';
            if (id === 'node:fs/promises' && importer?.includes('/stores/files/')) return '\0steps';
            return modules[id];
          },
          load: (id) => ({ '\0program': source, '\0steps': STEPS })[id],
        },
      ],
    });
    return new StoreProgram(directory);
  }

  /** Runs it until it writes something. */
  async start(args: readonly string[], options: { uid?: number } = {}): Promise<RunningStore> {
    const child = spawn(process.execPath, [join(this.directory, 'program.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...options,
    });
    this.#children.add(child);
    const exit = once(child, 'exit').then(([code]) => {
      this.#children.delete(child);
      return code as number | null;
    });
    let output = '';
    const first = new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        output += text.toString();
        resolve();
      });
    });
    await Promise.race([first, exit]);
    return {
      output: () => output,
      exit: async () => {
        const code = await exit;
        if (code !== 0) throw new Error(`the program has failed: exit code ${code}`);
      },
      kill: async () => {
        child.kill('SIGKILL');
        await exit;
      },
    };
  }

  async dispose(): Promise<void> {
    const children = [...this.#children];
    for (const child of children) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true });
  }
}

export interface RunningStore {
  output(): string;
  /** Rejects when the program has failed. */
  exit(): Promise<void>;
  kill(): Promise<void>;
}
