import { rmSync } from 'node:fs';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { ChildProcesses } from '../support/child-processes.js';
import type { Constants } from '../support/child-program.js';
import { temporaryRoot } from '../support/files-site.js';

/** The program of each process: pages that take their time. */
const APP = `
import 'reflect-metadata';
import { once, EventEmitter } from 'node:events';
import { Controller, Get, Header, Module, Param, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { countWait } from './lib/async/patience.js';
import { fileStore, memcachedStore, NginxCacheModule, PageCacheService } from './lib/index.js';
import { MemcachedClient } from './lib/stores/memcached/memcached-client.js';

const { servers, root, deadline } = JSON.parse(process.argv[2]!);
const events = new EventEmitter().setMaxListeners(0);
let renders = 0;
/** So many renderings may end. */
let allowed = 0;

async function render() {
  const number = (renders += 1);
  events.emit('change');
  while (number > allowed) await once(events, 'change');
  return 'process ' + process.argv[3] + ', rendering ' + number;
}

@Controller()
class SlowController {
  @Get('page/:id') @Header('content-type', 'text/html; charset=utf-8') page() { return render(); }
  @Get('private/:id') @Header('content-type', 'text/html; charset=utf-8')
  async private(@Res({ passthrough: true }) reply: { header(name: string, value: string): unknown }) {
    const text = await render();
    reply.header('set-cookie', 'text=' + encodeURIComponent(text));
    return text;
  }
}

/** One that does not give memcached up as long as the deadline says. */
const openClient = () => new MemcachedClient(servers, { getTimeout: deadline, writeTimeout: deadline });
const memcached = () => memcachedStore(deadline ? { client: { servers: [{ address: servers, weight: 1 }], open: openClient } } : { servers });
const store = root ? fileStore({ root }) : memcached();
@Module({ imports: [NginxCacheModule.forRoot({ hosts: 'any', store })], controllers: [SlowController] })
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
// On a busy machine the store may be late, and whoever finds that out does not wait for others. These wait for it as long as it takes.
app.use((request: object, _response: unknown, next: () => void) => {
  countWait(request, -60_000);
  next();
});
await app.listen(0, '127.0.0.1');

export async function answer({ kind, count }: { kind: string; count: number }): Promise<unknown> {
  switch (kind) {
    case 'address': return new URL(await app.getUrl()).host;
    case 'renders': return renders;
    case 'until': while (renders < count) await once(events, 'change'); return renders;
    case 'purge': return app.get(PageCacheService).purgeAll();
    case 'let': allowed = count; events.emit('change'); return;
    case 'close': allowed = renders = 0; return;
    case 'die': process.kill(process.pid, 'SIGKILL');
    case 'stop': process.kill(process.pid, 'SIGSTOP');
  }
}
`;

const VISITORS = 50;

interface Answer {
  readonly body: string;
  readonly cookie: string | undefined;
}

/** Whoever still waits when a test fails is of no interest any more. */
function visit(address: string, path: string): Promise<Answer> {
  const answer = answerTo(address, path);
  answer.catch(() => {});
  return answer;
}

function answerTo(address: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(`http://${address}${path}`, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({
          body,
          cookie: response.headers['set-cookie']?.[0],
        }),
      );
      response.on('error', reject);
    }).on('error', reject);
  });
}

type Kind = 'memcached' | 'files';

/** In milliseconds: longer than any test. */
const NEVER = 1e9;
/**
 * Whoever finds out that the store is late, or has waited for five seconds, does not wait for others, and a lease lapses when its process
 * stands still for two seconds. All of that happens on a busy machine. Where nothing of it may happen, these deadlines do not pass.
 */
const NO_DEADLINES: Constants = {
  'async/patience.ts': { PATIENCE: NEVER },
  'caching/coalescing.ts': { PATIENCE: NEVER, ALONE: NEVER },
  'caching/render-turns.ts': { PATIENCE: NEVER, SILENCE: NEVER },
  'stores/held-lease.ts': { LEASE_TTL: NEVER },
  'stores/page-storage.ts': { STARTUP: NEVER },
};

/** Processes that share a store. */
class Crowd implements AsyncDisposable {
  private constructor(
    readonly processes: ChildProcesses,
    readonly addresses: readonly string[],
    private readonly end: () => Promise<void>,
  ) {}

  /**
   * @param program what all of them run
   * @param deadline how long they wait for memcached
   */
  static async start(program: string, kind: Kind, count: number, deadline?: number): Promise<Crowd> {
    const memcached = kind === 'memcached' ? await MemcachedServer.start() : undefined;
    const root = kind === 'files' ? temporaryRoot() : undefined;
    const processes = ChildProcesses.of(program, count, { servers: memcached?.address, root, deadline });
    const addresses = await processes.all<string>({ kind: 'address' });
    return new Crowd(processes, addresses, async () => {
      await processes[Symbol.asyncDispose]();
      await memcached?.stop();
      if (root !== undefined) rmSync(root, { recursive: true });
    });
  }

  /** The first visitor of the first process, and others of all as soon as he is in the handler. */
  async visit(path: string, of: readonly string[]): Promise<{ first: Promise<Answer>; others: Promise<Answer>[] }> {
    const first = visit(this.addresses[0]!, path);
    await this.processes.ask(0, { kind: 'until', count: 1 });
    const others = of.flatMap((address) => Array.from({ length: VISITORS }, () => visit(address, path)));
    // Whoever comes to another page of the process has come later.
    await Promise.all(of.map((address) => visit(address, '/nothing')));
    return { first, others };
  }

  async open(): Promise<void> {
    await this.processes.all({ kind: 'let', count: 1e9 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

const KINDS: readonly Kind[] = ['memcached', 'files'];

/** With and without deadlines. */
let programs: Record<'usual' | 'patient', string>;
beforeAll(async () => {
  programs = { usual: await ChildProcesses.build(APP), patient: await ChildProcesses.build(APP, NO_DEADLINES) };
});

describe.each(KINDS)(`pages in %s, ${VISITORS} visitors of each process at once`, (kind) => {
  let crowd: Crowd;
  let id = 0;
  beforeAll(async () => {
    crowd = await Crowd.start(programs.patient, kind, 4, NEVER);
  });
  afterAll(async () => crowd?.[Symbol.asyncDispose]());

  describe.each([1, 2, 4])('%i processes', (count) => {
    const addresses = () => crowd.addresses.slice(0, count);
    beforeEach(() => crowd.processes.all({ kind: 'close' }));

    it('a page is rendered once', async () => {
      const { first, others } = await crowd.visit(`/page/${(id += 1)}`, addresses());
      await crowd.open();
      const answers = await Promise.all([first, ...others]);
      expect([...new Set(answers.map(({ body }) => body))]).toEqual(['process 0, rendering 1']);
      const renders = await crowd.processes.all<number>({ kind: 'renders' });
      expect(renders.reduce((sum, one) => sum + one, 0)).toBe(1);
    });

    it('what turns out to be private is rendered for each, for all of them at the same time', async () => {
      const { first, others } = await crowd.visit(`/private/${(id += 1)}`, addresses());
      await crowd.processes.ask(0, { kind: 'let', count: 1 });
      const own = [await first];
      // Nobody has to wait until somebody else has got his answer.
      await Promise.all(
        addresses().map((_, index) =>
          crowd.processes.ask(index, { kind: 'until', count: VISITORS + (index === 0 ? 1 : 0) }),
        ),
      );
      await crowd.open();
      own.push(...(await Promise.all(others)));
      for (const { body, cookie } of own) expect(cookie).toBe(`text=${encodeURIComponent(body)}`);
      expect(new Set(own.map(({ body }) => body)).size).toBe(count * VISITORS + 1);
    });
  });
});

describe.each(KINDS)('processes with pages in %s', (kind) => {
  /** The others wait for the first one, and when that has gone, for one of them. */
  const COUNT = 3;
  let crowd: Crowd;
  beforeEach(async () => {
    crowd = await Crowd.start(programs.usual, kind, COUNT);
  });
  afterEach(async () => crowd?.[Symbol.asyncDispose]());

  it.each(['die', 'stop'])('one that is made to %s keeps the others for no longer than a moment', async (fate) => {
    const { others } = await crowd.visit('/page/2', crowd.addresses.slice(1));
    crowd.processes.ask(0, { kind: fate }).catch(() => {});
    // Without an end of its lease, they would wait until the one who stopped goes on.
    await Promise.race([1, 2].map((index) => crowd.processes.ask(index, { kind: 'until', count: 1 })));
    for (const index of [1, 2]) await crowd.processes.ask(index, { kind: 'let', count: 1e9 });
    for (const { body } of await Promise.all(others)) expect(body).toMatch(/^process [12], /);
  });

  it('after a purge, those who come later do not wait for what was begun before', async () => {
    const first = visit(crowd.addresses[0]!, '/page/3');
    await crowd.processes.ask(0, { kind: 'until', count: 1 });
    await crowd.processes.ask(1, { kind: 'purge' });
    const later = visit(crowd.addresses[2]!, '/page/3');
    // Process 0 hears of the purge with its next visitor.
    const other = visit(crowd.addresses[0]!, '/page/4');
    await crowd.processes.ask(2, { kind: 'until', count: 1 });
    await crowd.open();
    expect((await later).body).toBe('process 2, rendering 1');
    await Promise.all([first, other]);
  });
});
