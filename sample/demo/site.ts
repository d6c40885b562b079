import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxConf } from 'nestjs-nginx-cache';
import { settings } from '../settings.js';
import { Server, type ServerOptions } from './server.js';

/** More than there are visitors at the same moment; memcached takes 1024 by itself. */
const MEMCACHED_CONNECTIONS = 4096;

/** What `npm start` runs: the blog, and in front of it nginx and what the flavour needs, where they can be had. */
export class Site {
  readonly directory = mkdtempSync(join(tmpdir(), 'nginx-cache-'));
  readonly #servers: Server[] = [];
  readonly #stopped = new Set<Server>();
  #stopping = false;
  #onDeath: (error: Error) => void = () => {};
  /** Rejects when one of the servers ends that nobody has stopped. */
  readonly died = new Promise<never>((_, reject) => (this.#onDeath = reject));

  constructor(readonly port: number) {
    this.died.catch(() => {});
    // Started by root, nginx has workers of another user, who must reach the socket and the pages.
    chmodSync(this.directory, 0o755);
    process.umask(0o022);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where the pages are as files. */
  get pages(): string {
    return join(this.directory, 'pages');
  }

  get nginxConf(): string {
    return join(this.directory, 'nginx.conf');
  }

  /**
   * @param name of its socket and its log
   * @returns where it listens
   */
  async startMemcached(name: string): Promise<string> {
    const socket = join(this.directory, `${name}.sock`);
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    await this.#start({
      name,
      command: ['memcached', '-s', socket, '-a', '0777', '-c', String(MEMCACHED_CONNECTIONS), ...user],
      address: { path: socket },
    });
    return `unix:${socket}`;
  }

  /** Ends a server, which may be started again. */
  async stopServer(name: string): Promise<void> {
    const server = this.#servers.findLast((one) => one.name === name);
    if (!server) throw new Error(`${name} does not run.`);
    this.#stopped.add(server);
    await server.stop();
  }

  /** @returns host and port where Node answers */
  async startBlog(port: number): Promise<string> {
    const { memcached, pages = '', flavour = '' } = settings;
    await this.#start({
      name: 'blog',
      command: [process.execPath, join(import.meta.dirname, '../main.js')],
      env: {
        NODE_ENV: 'production',
        NO_COLOR: '1',
        PORT: String(port),
        SITE_URL: this.url,
        // Nest must keep pages where nginx looks for them.
        MEMCACHED: memcached.join(),
        PAGES: pages,
        FLAVOUR: flavour,
      },
      address: { host: '127.0.0.1', port },
    });
    return `127.0.0.1:${port}`;
  }

  /** @param modulesDirectory where nginx's modules are, when the flavour needs one */
  async startNginx(app: string, modulesDirectory: string | undefined): Promise<void> {
    const { default: options } = await import('../nginx-cache.config.js');
    const { full, files } = nginxConf(options, {
      app,
      listen: `127.0.0.1:${this.port}`,
      directory: this.directory,
      memcachedConnections: MEMCACHED_CONNECTIONS,
      ...(modulesDirectory && { modulesDirectory }),
    });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(this.directory, path), text, { mode: 0o600 });
    writeFileSync(this.nginxConf, full);
    await this.#start({
      name: 'nginx',
      command: ['nginx', '-p', this.directory, '-e', 'stderr', '-c', this.nginxConf, '-g', 'daemon off;'],
      address: { host: '127.0.0.1', port: this.port },
    });
  }

  /** Stops the servers, last started first, and removes what they leave behind. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const server of this.#servers.reverse()) await server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #start(options: Omit<ServerOptions, 'logFile'>): Promise<void> {
    const server = new Server({ ...options, logFile: join(this.directory, `${options.name}.log`) });
    this.#servers.push(server);
    await server.ready();
    void server.ended.then((how) => {
      if (!this.#stopping && !this.#stopped.has(server)) this.#onDeath(new Error(`${how}\n${server.lastWords}`));
    });
  }
}
