import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fileStore, memcachedStore, nginxConf } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { ChildProcesses } from '../support/child-processes.js';
import { patient } from '../support/patience.js';
import { answer } from '../support/site.js';

const PROCESSES = 3;
const CLIENTS = 6;
const PATHS = Array.from({ length: 25 }, (_, page) => `/page/${page}`);

/** The program of each process. `/held/…` is rendered until somebody says so. */
const APPLICATION = `
import 'reflect-metadata';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fileStore, memcachedStore, NginxCacheModule, OnPageCache, PageSkipped, PageStored } from './lib/index.js';

const { servers, root, version, socket } = JSON.parse(process.argv[2]!);
let reached!: () => void;
let release!: () => void;
const isReached = new Promise<void>((resolve) => (reached = resolve));
const isReleased = new Promise<void>((resolve) => (release = resolve));
let settle!: (outcome: string) => void;
const outcome = new Promise<string>((resolve) => (settle = resolve));

@Controller()
class PagesController {
  @Get('page/:n') @Header('content-type', 'text/html; charset=utf-8')
  async page(@Param('n') n: string) {
    await delay(Math.random() * 20);
    return '<p>version ' + version + ' of page ' + n + '</p>';
  }
  @Get('held/:n') @Header('content-type', 'text/html; charset=utf-8')
  async held() {
    reached();
    if (version === 'held') await isReleased;
    return '<p>version ' + version + ' of a page</p>';
  }
}

class Outcome {
  @OnPageCache(PageStored) onStored({ address }: PageStored) { if (address.path.startsWith('/held/')) settle('stored'); }
  @OnPageCache(PageSkipped) onSkipped({ address, reason }: PageSkipped) { if (address.path.startsWith('/held/')) settle(reason); }
}

@Module({
  imports: [NginxCacheModule.forRoot({ store: root ? fileStore({ root }) : memcachedStore({ servers }), version })],
  controllers: [PagesController],
  providers: [Outcome],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
app.enableShutdownHooks();
rmSync(socket, { force: true });
await app.listen(socket);

async function answer(question: string): Promise<unknown> {
  if (question === 'reached') await isReached;
  if (question === 'release') release();
  if (question === 'outcome') return outcome;
  return version;
}
`;

class Deployment implements AsyncDisposable {
  private constructor(
    readonly nginx: NginxServer,
    readonly processes: ChildProcesses,
    private readonly argsOf: (index: number, version: string) => object,
    private readonly stop: () => Promise<void>,
  ) {}

  static async start(store: 'memcached' | 'files', version: string): Promise<Deployment> {
    const directory = mkdtempSync(join(tmpdir(), 'deploy-'));
    chmodSync(directory, 0o755);
    const memcached = await MemcachedServer.start();
    const servers = memcached.address;
    const root = store === 'files' ? join(directory, 'pages') : undefined;
    const socketOf = (index: number) => join(directory, `app-${index}.sock`);
    const argsOf = (index: number, one: string) => ({ servers, root, version: one, socket: socketOf(index) });
    // One after the other, as they are replaced.
    const processes = await ChildProcesses.start(APPLICATION, 0, {});
    for (let index = 0; index < PROCESSES; index += 1) await processes.replace(index, argsOf(index, version));
    await processes.all('up');
    for (let index = 0; index < PROCESSES; index += 1) chmodSync(socketOf(index), 0o777);
    const nginx = await NginxServer.start(({ port, directory: place }) => {
      const conf = nginxConf(
        { store: root ? fileStore({ root }) : memcachedStore({ servers }), hosts: 'any' },
        {
          app: Array.from({ length: PROCESSES }, (_, index) => `unix:${socketOf(index)}`),
          listen: port,
          directory: place,
        },
      );
      // nginx asks the next process when one is away, and that one again as soon as it is back: not after ten seconds.
      return { ...conf, full: patient(conf.full).replace(/(app-\d\.sock);/g, '$1 max_fails=0;') };
    });
    const stop = async () => {
      await processes[Symbol.asyncDispose]();
      await nginx.stop();
      await memcached.stop();
      rmSync(directory, { recursive: true });
    };
    return new Deployment(nginx, processes, argsOf, stop);
  }

  /** Replaces one process. Resolves when the new one is up. */
  async replace(index: number, version: string): Promise<void> {
    const args = this.argsOf(index, version) as { socket: string };
    await this.processes.replace(index, args);
    await this.processes.ask(index, 'up');
    chmodSync(args.socket, 0o777);
  }

  async visit(path: string): Promise<{ version: string; isHit: boolean }> {
    const { code, body, status } = await answer(this.nginx.url + path);
    const version = /version (\w+) of/.exec(body.toString())?.[1];
    if (code !== 200 || version === undefined) throw new Error(`${path}: ${code} ${body.toString()}`);
    return { version, isHit: status.startsWith('nginx; hit') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

describe.each(['memcached', 'files'] as const)(
  'a rolling deploy of three processes under load, pages in %s',
  (store) => {
    it('to a new version and back: no page of the other one is served, and hits come back', async () => {
      await using site = await Deployment.start(store, 'one');
      /** The version whose process was started last, and since when: from then on hits are of no other. */
      let current = { version: 'one', since: performance.now() };
      let isDone = false;
      const wrong: string[] = [];
      const counts = { requests: 0, hits: 0 };
      const visitors = Array.from({ length: CLIENTS }, async () => {
        while (!isDone) {
          const { version: expected, since } = current;
          const path = PATHS[Math.floor(Math.random() * PATHS.length)]!;
          const begun = performance.now();
          const { version, isHit } = await site.visit(path);
          counts.requests += 1;
          if (isHit) counts.hits += 1;
          if (isHit && version !== expected && begun > since && current.version === expected) {
            wrong.push(`${path}: a hit of ${version}, ${begun - since} ms after ${expected} was up`);
          }
          await delay(2);
        }
      });
      const allHit = async () => {
        const visits = await Promise.all(PATHS.map((path) => site.visit(path)));
        return visits.every(({ isHit }) => isHit);
      };
      try {
        await expect.poll(allHit).toBe(true);
        for (const version of ['two', 'one']) {
          for (let index = 0; index < PROCESSES; index += 1) {
            await site.replace(index, version);
            if (index === 0) current = { version, since: performance.now() };
          }
          for (const path of PATHS) expect((await site.visit(path)).version).toBe(version);
          await expect.poll(allHit).toBe(true);
        }
      } finally {
        isDone = true;
        await Promise.all(visitors);
      }
      expect(wrong).toEqual([]);
      expect(counts.hits).toBeGreaterThan(counts.requests / 10);
    });

    it('a page that an old process renders meanwhile is not stored', async () => {
      await using site = await Deployment.start(store, 'held');
      const path = '/held/1';
      const visit = site.visit(path);
      const holder = await Promise.race(
        Array.from({ length: PROCESSES }, async (_, index) => {
          await site.processes.ask(index, 'reached');
          return index;
        }),
      );
      for (let index = 0; index < PROCESSES; index += 1) if (index !== holder) await site.replace(index, 'new');
      await site.processes.ask(holder, 'release');
      expect((await visit).version).toBe('held');
      expect(await site.processes.ask(holder, 'outcome')).toBe('other-version');
      await site.replace(holder, 'new');
      for (let round = 0; round < 5; round += 1) expect((await site.visit(path)).version).toBe('new');
      await expect.poll(async () => (await site.visit(path)).isHit).toBe(true);
      expect((await site.visit(path)).version).toBe('new');
    });
  },
);
