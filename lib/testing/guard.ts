import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** How long the shell waits for another server when the last one has gone, in milliseconds. */
const IDLE = 1000;

/**
 * A shell that reads which process groups begin and end. The end of its standard input comes however this process ends; then it kills the groups
 * that are left, and removes their directories. A handler of 'exit' would not do: it does not run when a signal ends the process, which is how
 * vitest and jest end a worker that hangs, and how Ctrl-C ends everything.
 */
const SCRIPT = `
while read -r event group directory; do
  if [ "$event" = begins ]; then set -- "$@" "$group" "$directory"; continue; fi
  for each in $(seq $(($# / 2))); do
    if [ "$1" != "$group" ]; then set -- "$@" "$1" "$2"; fi
    shift 2
  done
done
while [ $# -gt 0 ]; do
  kill -s KILL -- "-$1"
  rm -rf -- "$2"
  shift 2
done`;

/** Makes sure that no process group outlives this process. One shell is enough for all of them: to start a program is slow. */
export class Guard {
  #shell: ChildProcess | undefined;
  #end: NodeJS.Timeout | undefined;
  readonly #groups = new Set<number>();

  /** @param directory removed if this process ends first */
  begins(processGroup: number, directory: string): void {
    clearTimeout(this.#end);
    this.#groups.add(processGroup);
    this.#shell ??= startShell();
    this.#tell(`begins ${processGroup} ${directory}`);
  }

  /** Once all processes of a group have gone, its number may be given to another one. */
  ends(processGroup: number): void {
    if (!this.#groups.delete(processGroup)) return;
    this.#tell(`ends ${processGroup}`);
    if (this.#groups.size > 0) return;
    this.#end = setTimeout(() => {
      this.#shell?.stdin?.end();
      this.#shell = undefined;
    }, IDLE).unref();
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}

function startShell(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const input = shell.stdin as Socket;
  // Somebody has killed the shell.
  input.on('error', () => {});
  input.unref();
  shell.unref();
  return shell;
}
