import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a server may take to start, to reload and to answer, in milliseconds. */
export const SERVER_TIMEOUT = 10_000;

/**
 * A server that runs in a process group of its own. It never outlives this process, and does not keep this process alive.
 */
export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #guard: ChildProcess;
  readonly #exit: Promise<unknown>;

  private constructor(
    private readonly outputFile: string,
    child: ChildProcess,
    pid: number,
    guard: ChildProcess,
  ) {
    this.pid = pid;
    this.#child = child;
    this.#guard = guard;
    this.#exit = once(child, 'exit');
    child.unref();
  }

  /**
   * @param directory where the server's output goes; it is removed if this process dies first
   * @param user the user as whom the program runs; only root may choose
   * @throws Error when the program cannot be run
   */
  static async start(
    program: string,
    args: string[],
    directory: string,
    user: { uid?: number; gid?: number } = {},
  ): Promise<ServerProcess> {
    const outputFile = join(directory, 'output.log');
    const output = openSync(outputFile, 'a');
    const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true, ...user });
    closeSync(output);
    if (child.pid === undefined) throw (await once(child, 'error'))[0];
    return new ServerProcess(outputFile, child, child.pid, guard(child.pid, directory));
  }

  /** What the server wrote to stdout and stderr. */
  get output(): string {
    return readFileSync(this.outputFile, 'utf8');
  }

  /** @throws Error with the server's output when it ends or takes longer than `SERVER_TIMEOUT` */
  async until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + SERVER_TIMEOUT;
    while (!(await done())) {
      if (this.#hasExited) throw this.#failure(`ended before it ${what}`);
      if (Date.now() > deadline) throw this.#failure(`has not ${what} after ${SERVER_TIMEOUT} ms`);
      await sleep(5);
    }
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Stops the process, and waits until all its threads have stopped. Without /proc, it cannot know that. */
  freeze(): void {
    this.signal('SIGSTOP');
    const threads = `/proc/${this.pid}/task`;
    const isStopped = (thread: string) => /\) [Tt] /.test(readFileSync(`${threads}/${thread}/stat`, 'latin1'));
    for (const end = Date.now() + SERVER_TIMEOUT; existsSync(threads) && Date.now() < end;) {
      if (readdirSync(threads).every(isStopped)) return;
    }
  }

  /** Asks the server to end, gives it a second, and then kills it with all its children. */
  async terminate(): Promise<void> {
    if (!this.#hasExited) {
      this.#child.ref();
      this.signal('SIGTERM');
      await Promise.race([this.#exit, sleep(1000, undefined, { ref: false })]);
    }
    await this.kill();
  }

  /** Kills the server and all its children, even when the server itself has already gone. */
  async kill(): Promise<void> {
    // Once all are gone, their number may be given to another process group.
    if (this.#guard.killed) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    this.#child.ref();
    await this.#exit;
    this.#guard.kill('SIGKILL');
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #failure(what: string): Error {
    return new Error(`${basename(this.#child.spawnfile)} ${what}. Its output:\n${this.output.trim() || '(none)'}`);
  }
}

/**
 * A shell that waits for the end of its standard input, which comes however this process ends, and then kills the process group. A handler
 * of 'exit' would not do: it does not run when a signal ends the process, which is how vitest and jest end a worker that hangs, and how
 * Ctrl-C ends everything.
 */
function guard(processGroup: number, directory: string): ChildProcess {
  const script = 'read -r line; kill -s KILL -- "-$1"; rm -rf -- "$2"';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', String(processGroup), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  (shell.stdin as Socket).unref();
  shell.unref();
  return shell;
}
