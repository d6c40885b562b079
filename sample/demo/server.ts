import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where Debian and Homebrew put servers, which is not on everybody's PATH. */
const PATH = [process.env['PATH'], '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'].join(':');

/** How long a server may take to start, in milliseconds. */
const TIMEOUT = 30_000;

export interface ServerOptions {
  name: string;
  command: [program: string, ...args: string[]];
  env?: NodeJS.ProcessEnv;
  /** Where it listens; it is ready when it accepts a connection there. */
  address: NetConnectOpts;
  /** What it prints goes here. */
  logFile: string;
}

/** A server that was started for the demo. */
export class Server {
  readonly #child: ChildProcess;
  /** How it ended; never rejects. */
  readonly ended: Promise<string>;
  #end: string | undefined;

  constructor(private readonly options: ServerOptions) {
    const [program, ...args] = options.command;
    const log = openSync(options.logFile, 'a');
    this.#child = spawn(program, args, {
      env: { ...process.env, ...options.env, PATH },
      stdio: ['ignore', log, log],
      // Ctrl-C is for this process, which then stops its servers one by one.
      detached: true,
    });
    closeSync(log);
    this.ended = once(this.#child, 'exit')
      .then(([code, signal]) => `${this.name} has ended (${signal ?? `exit code ${code}`})`)
      .catch((error: unknown) => `${this.name} cannot be run: ${String(error)}`);
    void this.ended.then((how) => (this.#end = how));
    // Runs even when this process ends by an error that nobody expected.
    process.once('exit', () => this.#child.kill('SIGKILL'));
  }

  get name(): string {
    return this.options.name;
  }

  /**
   * Waits until it accepts connections.
   *
   * @throws Error with the end of its log when it does not start
   */
  async ready(): Promise<void> {
    const deadline = Date.now() + TIMEOUT;
    while (!(await accepts(this.options.address))) {
      if (this.#end) throw new Error(`${this.#end}\n${this.lastWords}`);
      if (Date.now() > deadline) throw new Error(`${this.name} does not answer\n${this.lastWords}`);
      await sleep(20);
    }
  }

  /** The end of what it printed, for error messages. */
  get lastWords(): string {
    return readFileSync(this.options.logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
  }

  /** Asks the server to end; kills it when it has not after 3 seconds. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const killing = setTimeout(() => this.#child.kill('SIGKILL'), 3000);
    await this.ended;
    clearTimeout(killing);
  }
}

async function accepts(address: NetConnectOpts): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
