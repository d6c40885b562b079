import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../../lib/cli/run.js';
import type { Output } from '../../../lib/cli/terminal.js';
import type { ExitCode } from '../../../lib/cli/exit-code.js';

/** What a command has written, and how it ended. */
export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly signal?: AbortSignal;
  /** Whether it writes to a terminal. */
  readonly isTTY?: boolean;
  /** The width of the terminal, in characters. */
  readonly columns?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Is given what the command writes, as it comes. */
  readonly onWrite?: (text: string) => void;
}

/** Runs the command in this process, with all but its `main.ts`: starting a process takes longer than most commands. */
export async function runCommand(
  args: readonly string[],
  {
    cwd,
    signal = new AbortController().signal,
    isTTY = false,
    columns = 100,
    env = process.env,
    onWrite,
  }: Surroundings,
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const { FORCE_COLOR: _force, NO_COLOR: _no, ...plain } = env;
  const output = (keep: (text: string) => void): Output => ({
    isTTY,
    ...(isTTY && { columns, rows: 24 }),
    write: (text, taken) => {
      keep(text);
      onWrite?.(text);
      taken?.();
    },
  });
  const code = await run(args, {
    cwd,
    signal,
    env: { ...plain, TERM: 'xterm' },
    stdout: output((text) => (stdout += text)),
    stderr: output((text) => (stderr += text)),
  });
  return { code, stdout, stderr };
}

/** A directory with files, until it is disposed of. */
export function directoryWith(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'cli-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
