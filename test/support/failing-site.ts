import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileStore, memcachedStore, nginxConf, type NginxCacheOptions, type NginxFlavour } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import type { Platform } from './applications.js';
import { ChildProcesses } from './child-processes.js';
import { modulesDirectory } from './nginx-modules.js';
import { patient } from './patience.js';

/** The program of the application: its pages end soon. */
const APP = `
import 'reflect-metadata';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, HttpException, Module, Param, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  fileStore, NginxCacheModule, OnPageCache, PageCache, PageCacheService, PageSkipped, PageStored,
} from './lib/index.js';
import { letVisitorsWait, patientStore } from './test/support/patience.js';

const { platform, socket, servers, root, options } = JSON.parse(process.argv[2]!);
let [status, version] = [200, 1];

function render(id: string): string {
  if (status !== 200) throw new HttpException('the own words of the application', status);
  return '<p>page ' + id + ' version ' + version + '</p>' + 'x'.repeat(2000);
}

@Controller()
class PagesController {
  @Get('pages/:id') @PageCache({ ttl: 500 }) @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('id') id: string) { return render(id); }
  @Get('long/:id') @PageCache({ ttl: 2000 }) @Header('content-type', 'text/html; charset=utf-8')
  long(@Param('id') id: string) { return render(id); }
  @Get('excluded') @Header('content-type', 'text/html; charset=utf-8') excluded() { return render('excluded'); }
  @Get('feed') @PageCache({ ttl: 500 }) @Header('content-type', 'application/rss+xml; charset=utf-8')
  feed() { return render('feed'); }
  @Get('short') @Header('content-type', 'text/html; charset=utf-8') @Header('cache-control', 'max-age=1, stale-if-error=2')
  short() { return render('short'); }
}

/** By target: whether the page was stored. */
const outcomes = new Map<string, boolean>();
class Outcomes {
  @OnPageCache(PageStored) onStored({ address }: PageStored) { outcomes.set(address.target, true); }
  @OnPageCache(PageSkipped) onSkipped({ address }: PageSkipped) { outcomes.set(address.target, false); }
}

const store = root ? fileStore({ root }) : patientStore(servers);
@Module({ imports: [NginxCacheModule.forRoot({ ...options, store })], controllers: [PagesController], providers: [Outcomes] })
class AppModule {}

rmSync(socket, { force: true });
const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
app.enableShutdownHooks();
await app.listen(socket);
// A copy that comes late is none, and then the visitor gets the error.
letVisitorsWait(app);
const pages = app.get(PageCacheService);

async function answer(question: { kind: string; path: string; status: number; version: number }): Promise<unknown> {
  switch (question.kind) {
    case 'ready': return process.pid;
    case 'set': ({ status, version } = question); return;
    case 'forget': outcomes.delete(question.path); return;
    case 'isStored': while (!outcomes.has(question.path)) await delay(20); return outcomes.get(question.path);
    case 'purge': return pages.purgeAll();
  }
}
`;

/** An application in a process of its own, which can be stopped, killed and started again behind its nginx. */
export class FailingSite implements AsyncDisposable {
  private constructor(
    private readonly memcached: MemcachedServer,
    readonly nginx: NginxServer,
    private readonly processes: ChildProcesses,
    private readonly args: object,
    private readonly directory: string,
  ) {}

  /** @param server lines for the server block of nginx */
  static async start(
    flavour: NginxFlavour,
    platform: Platform,
    options: NginxCacheOptions,
    server = '',
  ): Promise<FailingSite> {
    const directory = mkdtempSync(join(tmpdir(), 'failing-'));
    // nginx's workers are another user.
    chmodSync(directory, 0o755);
    const memcached = await MemcachedServer.start();
    const socket = join(directory, 'app.sock');
    const root = flavour === 'files' ? join(directory, 'pages') : undefined;
    const shared: NginxCacheOptions = { hosts: 'any', nginx: { flavour }, ...options };
    const args = { platform, socket, servers: memcached.address, root, options: shared };
    const processes = await ChildProcesses.start(APP, 1, args);
    await processes.ask(0, { kind: 'ready' });
    chmodSync(socket, 0o777);
    const store = root ? fileStore({ root }) : memcachedStore({ servers: memcached.address });
    const nginx = await NginxServer.start(({ port, directory: place }) => {
      const modules = modulesDirectory(flavour);
      const conf = nginxConf(
        { ...shared, store },
        { app: `unix:${socket}`, listen: port, directory: place, modulesDirectory: modules },
      );
      return { ...conf, full: patient(conf.full).replace(/^ *server_name .*$/m, (line) => `${line}\n${server}`) };
    });
    return new FailingSite(memcached, nginx, processes, args, directory);
  }

  ask(question: object): Promise<unknown> {
    return this.processes.ask(0, question);
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    process.kill(Number(await this.ask({ kind: 'ready' })), name);
  }

  /** Ends the application at once, and waits until it has gone. */
  async kill(): Promise<void> {
    const gone = this.ask({ kind: 'isStored', path: '/' }).catch(() => {});
    await this.signal('SIGKILL');
    await gone;
  }

  /** Starts it again; if it runs, it is ended as an operator does. */
  async restart(): Promise<void> {
    await this.processes.replace(0, this.args);
    await this.ask({ kind: 'ready' });
    chmodSync(join(this.directory, 'app.sock'), 0o777);
  }

  async get(
    path: string,
    init: RequestInit = {},
  ): Promise<{ code: number; status: string; headers: Headers; text: string }> {
    const response = await fetch(this.nginx.url + path, init);
    const text = await response.text();
    return {
      code: response.status,
      status: response.headers.get('cache-status') ?? '',
      headers: response.headers,
      text,
    };
  }

  /** Has pages stored, and waits until their time is over. */
  async outlive(...paths: string[]): Promise<void> {
    for (const path of paths) while (!(await this.isStored(path))) await delay(100);
    // Only nginx knows: the application says of a store that is late that the page is not there. HEAD has nothing stored.
    for (const path of paths) while (await this.isHit(path)) await delay(20);
  }

  private async isHit(path: string): Promise<boolean> {
    return (await this.get(path, { method: 'HEAD' })).status.startsWith('nginx; hit');
  }

  /** Asks for a page. On a busy machine memcached may be late after its visitor has the answer, and the application for nginx. */
  private async isStored(path: string): Promise<boolean> {
    await this.ask({ kind: 'forget', path });
    const { code, status } = await this.get(path);
    if (code === 504) return false;
    if (code !== 200) throw new Error(`${path}: ${code} ${status}`);
    return status.includes('stored') && ((await this.ask({ kind: 'isStored', path })) as boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes[Symbol.asyncDispose]();
    await this.nginx.stop();
    await this.memcached.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
