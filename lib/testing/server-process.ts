import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Guard } from './guard.js';

/** How long a server may take to start, to reload and to answer, in milliseconds. */
export const SERVER_TIMEOUT = 10_000;

/** How long `kill()` waits for children of a server that it has killed, in milliseconds. Without an init process, they stay as zombies. */
const REAPING = 100;

const guard = new Guard();

/**
 * A server that runs in a process group of its own. It never outlives this process, and does not keep this process alive.
 */
export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #isOver = false;

  private constructor(
    private readonly outputFile: string,
    child: ChildProcess,
    pid: number,
  ) {
    this.pid = pid;
    this.#child = child;
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
    // What an earlier process wrote there is not of this one.
    const output = openSync(outputFile, 'w');
    const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true, ...user });
    closeSync(output);
    if (child.pid === undefined) throw (await once(child, 'error'))[0];
    guard.begins(child.pid, directory);
    return new ServerProcess(outputFile, child, child.pid);
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
    if (this.#isOver) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    this.#child.ref();
    await this.#exit;
    for (const end = Date.now() + REAPING; isGroup(this.pid) && Date.now() < end;) await sleep(2);
    this.#isOver = true;
    guard.ends(this.pid);
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #failure(what: string): Error {
    return new Error(`${basename(this.#child.spawnfile)} ${what}. Its output:\n${this.output.trim() || '(none)'}`);
  }
}

function isGroup(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
