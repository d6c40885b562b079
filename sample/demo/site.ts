import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxConf } from 'nestjs-nginx-cache';
import { Server, type ServerOptions } from './server.js';

/** What `npm start` runs: the blog, and in front of it nginx and memcached where they can be had. */
export class Site {
  readonly directory = mkdtempSync(join(tmpdir(), 'nginx-cache-'));
  readonly #servers: Server[] = [];
  #stopping = false;
  #onDeath: (error: Error) => void = () => {};
  /** Rejects when one of the servers ends that nobody has stopped. */
  readonly died = new Promise<never>((_, reject) => (this.#onDeath = reject));

  constructor(readonly port: number) {
    this.died.catch(() => {});
    // Started by root, nginx has workers of another user, who must reach the socket.
    chmodSync(this.directory, 0o755);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get nginxConf(): string {
    return join(this.directory, 'nginx.conf');
  }

  /** @returns where it listens */
  async startMemcached(): Promise<string> {
    const socket = join(this.directory, 'memcached.sock');
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    await this.#start({
      name: 'memcached',
      command: ['memcached', '-s', socket, '-a', '0777', ...user],
      address: { path: socket },
    });
    return `unix:${socket}`;
  }

  /** @returns host and port where Node answers */
  async startBlog(port: number, env: NodeJS.ProcessEnv): Promise<string> {
    await this.#start({
      name: 'blog',
      command: [process.execPath, join(import.meta.dirname, '../main.js')],
      env: { NODE_ENV: 'production', NO_COLOR: '1', ...env, PORT: String(port), SITE_URL: this.url },
      address: { host: '127.0.0.1', port },
    });
    return `127.0.0.1:${port}`;
  }

  async startNginx(app: string): Promise<void> {
    const { default: options } = await import('../nginx-cache.config.js');
    const { full, files } = nginxConf(options, { app, listen: `127.0.0.1:${this.port}`, directory: this.directory });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(this.directory, path), text);
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
      if (!this.#stopping) this.#onDeath(new Error(`${how}\n${server.lastWords}`));
    });
  }
}
