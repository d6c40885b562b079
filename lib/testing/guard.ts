import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';

/** How long the shell waits for another server when the last one has gone, in milliseconds. */
const IDLE = 1000;

/**
 * Reads which process groups begin and end. The end of its standard input comes however this process ends; then it kills the groups that are
 * left, and removes their directories. A handler of 'exit' would not do: it does not run when a signal ends the process, which is how vitest and
 * jest end a worker that hangs, and how Ctrl-C ends everything.
 */
const SCRIPT = `
while read -r event group directory; do
  if [ "$event" = begins ]; then set -- "$@" "$group" "$directory"; continue; fi
  left=$#
  while [ "$left" -gt 0 ]; do
    if [ "$1" != "$group" ]; then set -- "$@" "$1" "$2"; fi
    shift 2
    left=$((left - 2))
  done
done
while [ $# -gt 0 ]; do
  kill -s KILL -- "-$1"
  rm -rf -- "$2"
  shift 2
done`;

/** Makes sure that no process group outlives this process. One shell is enough for all groups: starting a program is slow. */
export class Guard {
  #shell: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** The directories of the groups. */
  readonly #groups = new Map<number, string>();

  /** @param directory removed if this process ends first */
  begins(processGroup: number, directory: string): void {
    clearTimeout(this.#idle);
    this.#groups.set(processGroup, directory);
    if (this.#shell) {
      this.tellOf(processGroup, directory);
      return;
    }
    this.#shell = this.startShell();
    for (const [group, its] of this.#groups) this.tellOf(group, its);
  }

  /** Must be called once all processes of a group have gone: its number may be given to another one. */
  ends(processGroup: number): void {
    if (!this.#groups.delete(processGroup)) return;
    this.tell(`ends ${processGroup}`);
    this.#idle = setTimeout(() => this.endShell(), IDLE).unref();
  }

  private tellOf(processGroup: number, directory: string): void {
    // A name with a line end in it would be cut off, and another directory removed.
    this.tell(`begins ${processGroup} ${directory.includes('\n') ? '' : directory}`);
  }

  private tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }

  private endShell(): void {
    // A timer that was made before the user's test took control of the time cannot be cleared afterwards.
    if (this.#groups.size > 0) return;
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  private startShell(): ChildProcess {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.once('exit', () => {
      if (this.#shell === shell) this.#shell = undefined;
    });
    const input = shell.stdin as Socket;
    // If somebody kills the shell, writing fails.
    input.on('error', () => {});
    input.unref();
    shell.unref();
    return shell;
  }
}
