import { execFile } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { onFreePort } from '../../lib/testing/free-port.js';
import { ServerProcess } from '../../lib/testing/server-process.js';

const run = promisify(execFile);

/** Where Debian, Fedora and Homebrew keep the programs of each version, none of which is on the PATH. */
const VERSIONS = ['/usr/lib/postgresql', '/usr/pgsql', '/opt/homebrew/opt'];

/** Nothing that a test writes has to survive a crash of the machine. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  shared_buffers: '16MB',
  max_connections: '60',
};

interface PostgresServerOptions {
  /** Of any file, in bytes: a larger table meets the same error as on a full disk. */
  maxFileBytes?: number;
}

/**
 * A real PostgreSQL of your own, for a test: empty, on a free port of 127.0.0.1. It ends with the test process at the latest.
 *
 * @example
 * await using postgres = await PostgresServer.start();
 * const url = await postgres.createDatabase();
 */
export class PostgresServer {
  #databases = 0;
  #hasStopped = false;

  private constructor(
    private readonly port: number,
    private readonly directory: string,
    private readonly server: ServerProcess,
  ) {}

  /** @throws Error when PostgreSQL is not installed, or with its own message when it does not start */
  static async start({ maxFileBytes }: PostgresServerOptions = {}): Promise<PostgresServer> {
    const user = unprivilegedUser();
    const directory = mkdtempSync(join(tmpdir(), 'pg-'));
    chmodSync(directory, 0o755);
    if (user) chownSync(directory, user.uid, user.gid);
    const data = join(directory, 'data');
    try {
      const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
      await run(findProgram('initdb'), [...initdb, '--wal-segsize=1'], { cwd: directory, ...user });
      return await onFreePort(async (port) => {
        const settings = { ...SETTINGS, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
        const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
        // `ulimit -f` counts blocks of 512 bytes (POSIX).
        const limit = maxFileBytes === undefined ? '' : `ulimit -f ${Math.ceil(maxFileBytes / 512)}; `;
        const shell = ['-c', `${limit}exec "$0" "$@"`, findProgram('postgres'), '-D', data, ...args];
        const server = await ServerProcess.start('/bin/sh', shell, directory, user);
        const postgres = new PostgresServer(port, directory, server);
        try {
          await server.until('answered', () => postgres.answersAs(server.pid));
        } catch (error) {
          await server.kill();
          throw error;
        }
        return postgres;
      });
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  /** @returns its address, as `pg` and TypeORM take it */
  async createDatabase(): Promise<string> {
    const name = `test${(this.#databases += 1)}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Runs a statement as the superuser, on a connection of its own. */
  async query<Row extends object>(sql: string, values?: unknown[], url = this.url('postgres')): Promise<Row[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends all sessions, and removes what the server left behind. May be called twice. */
  async stop(): Promise<void> {
    // "Immediate shutdown"; the smart one, by SIGTERM, waits for its clients.
    if (!this.#hasStopped) this.server.signal('SIGQUIT');
    this.#hasStopped = true;
    await this.server.terminate();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Whether it is our own server that answers, and not one that took the port before us. */
  private async answersAs(pid: number): Promise<boolean> {
    try {
      const [row] = await this.query<{ file: string }>(`SELECT pg_read_file('postmaster.pid') AS file`);
      return row?.file.startsWith(`${pid}\n`) ?? false;
    } catch {
      return false;
    }
  }
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [, , uid, gid] = ['postgres', 'nobody'].flatMap((wanted) => users.find(([name]) => name === wanted) ?? []);
  if (uid === undefined) throw new Error('PostgreSQL refuses to run as root, and there is no user "nobody".');
  return { uid: Number(uid), gid: Number(gid) };
}

/** @throws Error that says how to install it */
function findProgram(name: 'postgres' | 'initdb'): string {
  const places = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  for (const root of VERSIONS) places.push(...versionsIn(root).map((version) => join(root, version, 'bin')));
  const found = places.map((place) => join(place, name)).find(isExecutable);
  if (found) return found;
  throw new Error(`${name} is not installed (looked in PATH and ${VERSIONS.join(', ')}): apt-get install postgresql.`);
}

/** The newest first. */
function versionsIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
