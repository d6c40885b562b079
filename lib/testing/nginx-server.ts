import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { findProgram } from './find-program.js';
import { onFreePort } from './free-port.js';
import { ServerProcess } from './server-process.js';

/** This depends on the machine. */
const LIMIT = / setrlimit\(RLIMIT_NOFILE, \d+\) failed /;
/** So does the second of these: nginx tries again to get a port that is still taken. */
const NOT_ABOUT_CONFIGURATION = [LIMIT, / bind\(\) to .* failed /, / (?:syntax is ok|test is successful)$/];

/**
 * The configuration with which nginx starts; `nginxConf()` returns it.
 *
 * @publicApi
 */
export interface NginxConfiguration {
  /** A complete nginx.conf with its own pid and temporary paths, without `daemon`. */
  full: string;
  /** Helper files by their path relative to the directory. */
  files?: Record<string, string>;
}

/**
 * A function that returns the configuration for a port and a directory.
 *
 * @publicApi
 */
export type NginxConfigurationFor = (place: { port: number; directory: string }) => NginxConfiguration;

/**
 * A real nginx for a test: on a free port of 127.0.0.1, in a fresh temporary directory. It stops at the latest when the test process ends.
 *
 * @example
 * await using nginx = await NginxServer.start(({ port, directory }) =>
 *   nginxConf(options, { app: '127.0.0.1:3000', listen: port, directory }),
 * );
 * await fetch(`${nginx.url}/posts`);
 *
 * @publicApi
 */
export class NginxServer {
  /** The address of nginx, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** What nginx says about its configuration, such as warnings; empty if it has nothing to say. */
  testOutput = '';
  #process: ServerProcess | undefined;
  #errorLogs: string[] = [];
  #hasSocket = false;
  /** Everything from level `notice`, whatever the configuration says about logs: it shows when workers come and go. */
  readonly #noticeLog: string;

  /**
   * @param port the port on which nginx listens
   * @param directory the temporary directory of nginx
   */
  private constructor(
    readonly port: number,
    readonly directory: string,
    private configurationFor: NginxConfigurationFor,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.#noticeLog = join(directory, 'notice.log');
  }

  /**
   * Writes the configuration, starts nginx and waits until it accepts connections.
   *
   * @param configurationFor returns the configuration. It is called again with another port if another program has taken the port
   * @returns the running server
   * @throws Error when nginx is not installed, or with nginx's own message when it refuses the configuration
   */
  static async start(configurationFor: NginxConfigurationFor): Promise<NginxServer> {
    const directory = mkdtempSync(join(tmpdir(), 'nginx-'));
    // If started as root, nginx runs its workers as another user, and the test may write there as yet another.
    chmodSync(directory, 0o777);
    try {
      return await onFreePort(async (port) => {
        const server = new NginxServer(port, directory, configurationFor);
        await server.#run().catch(async (error: unknown) => {
          await server.#process?.kill();
          throw error;
        });
        return server;
      });
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  /** The process id of the master process. */
  get pid(): number {
    return this.#running.pid;
  }

  /**
   * Everything that nginx has written to stderr and to its error logs, each line once. It leaves out the warning about
   * `worker_rlimit_nofile`, which depends on the machine.
   *
   * @returns the lines, joined by line ends; empty if there are none
   */
  errorLog(): string {
    const own = read(this.#noticeLog).filter((line) => !line.includes(' [notice] '));
    return [...new Set([...this.#running.output.split('\n'), ...this.#errorLogs.flatMap(read), ...own])]
      .filter((line) => line && !LIMIT.test(line))
      .join('\n');
  }

  /**
   * Reloads the configuration (SIGHUP).
   *
   * @param configurationFor returns the new configuration; without it, the last function is called again
   * @returns when the old workers accept no more connections
   * @throws Error with nginx's own message when it refuses the configuration; nginx keeps the old one
   */
  async reload(configurationFor = this.configurationFor): Promise<void> {
    this.configurationFor = configurationFor;
    this.#configure();
    // The running nginx would only log that it refuses it.
    const { stderr } = await promisify(execFile)(findProgram('nginx'), ['-t', ...this.#arguments()]);
    this.testOutput = aboutConfiguration(stderr);
    const retiring = this.#startedWorkers();
    this.#running.signal('SIGHUP');
    await this.#running.until('reloaded', () => {
      const log = read(this.#noticeLog).join('\n');
      return retiring.every((worker) =>
        new RegExp(` ${worker}#\\d+: gracefully shutting down$| worker process ${worker} exited`, 'm').test(log),
      );
    });
  }

  /** Stops nginx with all its workers, and deletes its directory. You may call it twice. */
  async stop(): Promise<void> {
    // Killed, nginx ends ten times as fast, but leaves the files of its unix sockets behind.
    await (this.#hasSocket ? this.#process?.terminate() : this.#process?.kill());
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #running(): ServerProcess {
    if (!this.#process) throw new Error('nginx has not been started');
    return this.#process;
  }

  async #run(): Promise<void> {
    this.#configure();
    const program = findProgram('nginx');
    this.#process = await ServerProcess.start(program, this.#arguments('daemon off;'), this.directory);
    // Workers start after the ports have been bound, so it is not another server that answers there.
    await this.#process.until('started a worker', () => this.#startedWorkers().length > 0);
    this.testOutput = aboutConfiguration(this.#process.output);
    await this.#mustListen();
  }

  #configure(): void {
    const { full, files = {} } = this.configurationFor({ port: this.port, directory: this.directory });
    const texts = Object.entries({ ...files, 'nginx.conf': full });
    for (const [path, text] of texts) {
      const file = join(this.directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    this.#hasSocket ||= texts.some(([, text]) => /\blisten\s+["']?unix:/.test(text));
    this.#errorLogs = texts
      .flatMap(([, text]) => [...text.matchAll(/^\s*error_log\s+"?([^\s;"]+)/gm)])
      .map(([, path = '']) => resolve(this.directory, path));
  }

  /** @param directives further directives for the main context */
  #arguments(directives = ''): string[] {
    const global = `error_log "${this.#noticeLog}" notice; ${directives}`;
    return ['-p', this.directory, '-c', join(this.directory, 'nginx.conf'), '-e', 'stderr', '-g', global];
  }

  #startedWorkers(): string[] {
    return [
      ...read(this.#noticeLog)
        .join('\n')
        .matchAll(/ start worker process (\d+)$/gm),
    ].map(([, pid = '']) => pid);
  }

  async #mustListen(): Promise<void> {
    const connection = connect(this.port, '127.0.0.1');
    try {
      await once(connection, 'connect');
    } catch (error) {
      throw new Error(`nginx runs, but its configuration does not listen on 127.0.0.1:${this.port}`, { cause: error });
    } finally {
      connection.destroy();
    }
  }
}

function aboutConfiguration(output: string): string {
  const lines = output.split('\n').filter(Boolean);
  return lines.filter((line) => !NOT_ABOUT_CONFIGURATION.some((other) => other.test(line))).join('\n');
}

function read(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}
