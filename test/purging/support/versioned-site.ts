import { chmodSync, closeSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStore, memcachedStore, nginxConf, type NginxCacheOptions } from '../../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../../lib/testing/index.js';
import { ChildProcesses } from '../../support/child-processes.js';
import { Relay } from '../../support/relay.js';
import { VERSIONED_APP } from './versioned-app.js';

/** How many things have a version; each is on its own page, in a list of five, below /sub, and on the home page. */
export const THINGS = 60;

export const PATHS: readonly string[] = [
  '/home',
  ...Array.from({ length: THINGS / 5 }, (_, list) => `/list/${list}`),
  ...Array.from({ length: THINGS }, (_, thing) => `/thing/${thing}`),
  ...Array.from({ length: THINGS }, (_, thing) => `/sub/${thing % 7}/${thing}`),
];

/** How a change of a thing purges all pages that show it. */
export const PURGES = ['paths', 'entity', 'tags', 'subtree', 'matching', 'refresh'] as const;
export type Purge = (typeof PURGES)[number];

/** What a process says of a purge. */
export interface PurgeAnswer {
  /** What a `PurgeIncompleteError` names. */
  readonly pending?: readonly string[];
}

export interface VersionedSiteOptions {
  /** Default: memcached. */
  readonly store?: 'memcached' | 'files';
  /** How many memcacheds there are, in a list that may change; default: one that does not. */
  readonly memcacheds?: number;
  /** In milliseconds; default 0, until purged. */
  readonly ttl?: number;
  /** Of memcached. */
  readonly args?: string[];
  /** Copies that outlive their pages, and pages that are rendered before they end. */
  readonly stale?: Pick<NginxCacheOptions, 'staleWhileRevalidate' | 'staleIfError' | 'refreshAhead'>;
  /** Whether every tenth request meets middleware that fails. */
  readonly fails?: boolean;
}

/** What a visitor has got. */
export interface Visited {
  readonly hit: boolean;
  /** Whether it was a copy whose page had ended. */
  readonly copy: boolean;
  readonly hasFailed: boolean;
  readonly things: readonly (readonly [number, number])[];
}

/** Processes with nginx in front and one store; what is on their pages stands in a file. */
export class VersionedSite implements AsyncDisposable {
  readonly versions = Array.from({ length: THINGS }, () => 0);
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    readonly servers: readonly MemcachedServer[],
    readonly processes: ChildProcesses,
    readonly nginx: NginxServer,
    private readonly directory: string,
    private readonly file: number,
    private readonly options: NginxCacheOptions,
    private readonly app: readonly string[],
    /** The network in front of the last server, where there are several. */
    readonly relay: Relay | undefined,
  ) {}

  get memcached(): MemcachedServer {
    return this.servers[0]!;
  }

  /** Pages are on these servers from now on: nginx is told, and then the processes read it. */
  async use(servers: readonly MemcachedServer[]): Promise<void> {
    const list = servers.map((server) => (server === this.servers.at(-1) && this.relay ? this.relay : server).address);
    const options = { ...this.options, store: memcachedStore({ servers: list }) };
    await this.nginx.reload(({ port, directory }) =>
      nginxConf(options, { app: [...this.app], listen: port, directory }),
    );
    writeList(join(this.directory, 'list'), list);
  }

  static async start(
    count: number,
    seed: number,
    { store, memcacheds, ttl = 0, args = [], stale = {}, fails = false }: VersionedSiteOptions = {},
  ): Promise<VersionedSite> {
    const directory = mkdtempSync(join(tmpdir(), 'versions-'));
    // nginx's workers are another user.
    chmodSync(directory, 0o755);
    const path = join(directory, 'versions');
    const file = openSync(path, 'w+');
    writeSync(file, Buffer.alloc(THINGS * 4));
    const all = await Promise.all(Array.from({ length: memcacheds ?? 1 }, () => MemcachedServer.start({ args })));
    const relay = all.length > 1 ? await Relay.to(all.at(-1)!.address) : undefined;
    const servers = [...(relay ? all.slice(0, -1) : all), ...(relay ? [relay] : [])].map(({ address }) => address);
    const list = memcacheds === undefined ? undefined : join(directory, 'list');
    if (list) writeList(list, servers);
    const root = store === 'files' ? join(directory, 'pages') : undefined;
    const processes = await ChildProcesses.start(VERSIONED_APP, count, {
      servers,
      list,
      root,
      ttl,
      path,
      seed,
      things: THINGS,
      stale,
      fails,
    });
    const app = await processes.all<string>({ kind: 'address' });
    const options: NginxCacheOptions = {
      hosts: 'any',
      store: root ? fileStore({ root }) : memcachedStore({ servers }),
      ttl,
      ...stale,
    };
    const nginx = await NginxServer.start(({ port, directory: place }) =>
      nginxConf(options, { app, listen: port, directory: place }),
    );
    return new VersionedSite(all, processes, nginx, directory, file, options, app, relay);
  }

  /** Changes a thing, and has a process purge it. Resolves when the purge has. */
  async change(thing: number, by: number, purge: Purge): Promise<PurgeAnswer & { readonly version: number }> {
    const version = (this.versions[thing]! += 1);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(version);
    writeSync(this.file, bytes, 0, 4, thing * 4);
    return { version, ...(await this.processes.ask<PurgeAnswer>(by, { kind: 'purge', thing, purge })) };
  }

  /** The versions on a page, through nginx, and where it came from; none where middleware has failed. */
  visit(path: string): Promise<Visited> {
    return new Promise((resolve, reject) => {
      const request = get({ host: '127.0.0.1', port: this.nginx.port, path, agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const hasFailed = response.statusCode === 503 && text === 'middleware has failed';
          if (response.statusCode !== 200 && !hasFailed) {
            return reject(new Error(`${path}: ${response.statusCode} ${text}`));
          }
          const status = String(response.headers['cache-status']);
          const things = Array.from(
            text.matchAll(/(\d+)=(\d+)/g),
            ([, thing, version]) => [+thing!, +version!] as const,
          );
          resolve({ hit: status.startsWith('nginx; hit'), copy: status.includes('detail=stale-'), hasFailed, things });
        });
      });
      request.on('error', (error) => {
        // nginx closes idle connections when it is reloaded, and visitors' browsers ask again.
        if (request.reusedSocket) resolve(this.visit(path));
        else reject(error);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.processes[Symbol.asyncDispose]();
    await this.nginx.stop();
    await this.relay?.[Symbol.asyncDispose]();
    await Promise.all(this.servers.map((server) => server.stop()));
    closeSync(this.file);
    rmSync(this.directory, { recursive: true });
  }
}

/** Whoever reads it reads all of it. */
function writeList(path: string, list: readonly string[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(list));
  renameSync(`${path}.new`, path);
}
