import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metadump } from '../stores/memcached/memcached-metadump.js';
import { findProgram } from './find-program.js';
import { onFreePort } from './free-port.js';
import { memcachedCommand } from './memcached-command.js';
import { ServerProcess } from './server-process.js';

/** How long to wait for a list of the keys, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Options of `MemcachedServer.start()`.
 *
 * @example
 * await MemcachedServer.start({ unix: true, args: ['-m', '16'] });
 *
 * @publicApi
 */
export interface MemcachedServerOptions {
  /** Whether it listens on a unix socket instead of a TCP port. */
  unix?: boolean;
  /** Further arguments of memcached, such as `['-m', '16']`. */
  args?: string[];
}

/**
 * A real memcached for a test: empty, on a free port of 127.0.0.1 or on a unix socket. It stops at the latest when the test process ends.
 *
 * @example
 * await using memcached = await MemcachedServer.start();
 * const store = memcachedStore({ servers: [memcached.address] });
 *
 * @publicApi
 */
export class MemcachedServer {
  #process: ServerProcess | undefined;

  private constructor(
    /** The address for `memcachedStore({ servers })` and nginx: '127.0.0.1:PORT' or 'unix:/path'. */
    readonly address: string,
    private readonly directory: string,
    private readonly args: string[],
  ) {}

  /**
   * Starts memcached and waits until it answers.
   *
   * @param options a unix socket instead of a port, and further arguments
   * @returns the running server
   * @throws Error when memcached is not installed, or with memcached's own message when it does not start
   */
  static async start({ unix = false, args = [] }: MemcachedServerOptions = {}): Promise<MemcachedServer> {
    // The path of a unix socket may have about 100 bytes. Other users (the workers of nginx) must have access to it.
    const directory = mkdtempSync(join(tmpdir(), 'mc-'));
    chmodSync(directory, 0o755);
    const start = async (address: string): Promise<MemcachedServer> => {
      const server = new MemcachedServer(address, directory, args);
      await server.#run().catch(async (error: unknown) => {
        await server.#process?.kill();
        throw error;
      });
      return server;
    };
    try {
      return unix
        ? await start(`unix:${join(directory, 's')}`)
        : await onFreePort((port) => start(`127.0.0.1:${port}`));
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  /** The process id; after `kill()`, that of the killed process. */
  get pid(): number {
    return this.#running.pid;
  }

  /** Freezes the server. The kernel still accepts connections, but nothing is answered. */
  pause(): void {
    this.#running.freeze();
  }

  /** Ends `pause()`. */
  resume(): void {
    this.#running.signal('SIGCONT');
  }

  /** Stops the server as a crash would, and waits until it has stopped. */
  async kill(): Promise<void> {
    await this.#running.kill();
  }

  /** Starts the server again, empty, at the same address. If it is running, it is stopped first. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#run();
  }

  /** Stops the server and deletes its temporary files. You may call it twice. */
  async stop(): Promise<void> {
    await this.#process?.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * Sends one command on a connection of its own.
   *
   * @param command without the line end, one byte per character (latin1), such as `version`, `stats`, `mg key v`
   * @returns the whole answer with its line ends, one byte per character
   * @throws Error when the server is down, or does not answer within 10 seconds (is it paused?)
   * @example
   * await memcached.send('set greeting 0 0 5\r\nhello'); // 'STORED\r\n'
   */
  send(command: string): Promise<string> {
    return memcachedCommand(this.address, command);
  }

  /** Deletes all pages. It keeps the head of the purge journal: without it, applications would not store the next page that they render. */
  async flush(): Promise<void> {
    const journals = (await this.#allKeys()).filter((key) => /^\*.*journal$/.test(key));
    const values = await Promise.all(journals.map((key) => this.send(`mg ${key} v`)));
    await this.send('flush_all');
    for (const [index, key] of journals.entries()) {
      const [, bytes, value] = /^VA (\d+)\r\n(.*)\r\n$/s.exec(values[index] ?? '') ?? [];
      if (value !== undefined) await this.send(`ms ${key} ${bytes}\r\n${value}`);
    }
  }

  /**
   * Lists the stored keys exactly as the server has them, one byte per character (latin1), in no order. It leaves out keys that begin with
   * `*`: the page cache uses them for its own records.
   *
   * @returns the keys of all pages
   * @throws Error when the server is down, or does not answer within 10 seconds
   */
  async keys(): Promise<string[]> {
    return (await this.#allKeys()).filter((key) => !key.startsWith('*'));
  }

  async #allKeys(): Promise<string[]> {
    const keys: string[] = [];
    // The listing alone keeps no process alive.
    const alive = setInterval(() => {}, PATIENCE);
    const how = { timeout: PATIENCE, signal: new AbortController().signal };
    try {
      for await (const { key } of metadump(this.address, '', how)) keys.push(key);
    } finally {
      clearInterval(alive);
    }
    return keys;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #running(): ServerProcess {
    if (!this.#process) throw new Error('memcached has not been started');
    return this.#process;
  }

  async #run(): Promise<void> {
    const [host = '', port = ''] = this.address.split(':');
    const listen = host === 'unix' ? ['-s', port, '-a', '0777'] : ['-l', host, '-p', port, '-U', '0'];
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    const server = await ServerProcess.start(
      findProgram('memcached'),
      [...listen, ...user, ...this.args],
      this.directory,
    );
    this.#process = server;
    await server.until('answered', () => this.#answersAs(server.pid));
  }

  /** Whether our own process answers, and not one that took the port before us. */
  async #answersAs(pid: number): Promise<boolean> {
    const stats = await this.send('stats').catch(() => '');
    return stats.includes(`STAT pid ${pid}\r\n`);
  }
}
