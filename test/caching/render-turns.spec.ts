import { get } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { ChildProcesses } from '../support/child-processes.js';

/** The program of each process: pages that take their time. */
const APP = `
import 'reflect-metadata';
import { once, EventEmitter } from 'node:events';
import { Controller, Get, Header, Module, Param, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memcachedStore, NginxCacheModule, PageCacheService } from './lib/index.js';

const { servers } = JSON.parse(process.argv[2]!);
const events = new EventEmitter().setMaxListeners(0);
let renders = 0;
let isOpen = false;

async function render() {
  renders += 1;
  events.emit('change');
  while (!isOpen) await once(events, 'change');
  return 'process ' + process.argv[3] + ', rendering ' + renders;
}

@Controller()
class SlowController {
  @Get('page/:id') @Header('content-type', 'text/html; charset=utf-8') page() { return render(); }
  @Get('private') @Header('content-type', 'text/html; charset=utf-8')
  async private(@Res({ passthrough: true }) reply: { header(name: string, value: string): unknown }) {
    const text = await render();
    reply.header('set-cookie', 'text=' + encodeURIComponent(text));
    return text;
  }
}

@Module({ imports: [NginxCacheModule.forRoot({ store: memcachedStore({ servers }) })], controllers: [SlowController] })
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(0, '127.0.0.1');

export async function answer({ kind, count }: { kind: string; count: number }): Promise<unknown> {
  switch (kind) {
    case 'address': return new URL(await app.getUrl()).host;
    case 'renders': return renders;
    case 'until': while (renders < count) await once(events, 'change'); return renders;
    case 'purge': return app.get(PageCacheService).purgeAll();
    case 'open': isOpen = true; events.emit('change'); return;
    case 'close': isOpen = false; renders = 0; return;
    case 'die': process.kill(process.pid, 'SIGKILL');
    case 'stop': process.kill(process.pid, 'SIGSTOP');
  }
}
`;

const PROCESSES = 4;
const VISITORS = 50;

interface Answer {
  readonly body: string;
  readonly cookie: string | undefined;
  readonly status: string;
}

function visit(address: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(`http://${address}${path}`, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({
          body,
          cookie: response.headers['set-cookie']?.[0],
          status: String(response.headers['cache-status']),
        }),
      );
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** On a busy machine memcached may be late, and whoever finds that out does not wait for others. */
async function unlessLate(crowd: () => Promise<Answer[]>): Promise<Answer[]> {
  for (;;) {
    const answers = await crowd();
    if (!answers.some(({ status }) => /store-down|purges-unknown/.test(status))) return answers;
  }
}

describe(`${PROCESSES} processes, ${VISITORS} visitors of each at once`, () => {
  let memcached: MemcachedServer;
  let processes: ChildProcesses;
  let addresses: string[];

  beforeEach(async () => {
    memcached = await MemcachedServer.start();
    processes = await ChildProcesses.start(APP, PROCESSES, { servers: memcached.address });
    addresses = await processes.all<string>({ kind: 'address' });
  });
  afterEach(async () => {
    await processes?.[Symbol.asyncDispose]();
    await memcached?.stop();
  });

  const everybody = (path: string, of = addresses) =>
    of.flatMap((address) => Array.from({ length: VISITORS }, () => visit(address, path)));
  const renders = async () => (await processes.all<number>({ kind: 'renders' })).reduce((sum, one) => sum + one, 0);

  it('a page is rendered once', { timeout: 120_000 }, async () => {
    let id = 0;
    const answers = await unlessLate(async () => {
      const path = `/page/${(id += 1)}`;
      await processes.all({ kind: 'close' });
      const first = visit(addresses[0]!, path);
      await processes.ask(0, { kind: 'until', count: 1 });
      const others = everybody(path);
      // Whoever comes to another page of the process has come later.
      for (const address of addresses) await visit(address, '/nothing');
      await processes.all({ kind: 'open' });
      return Promise.all([first, ...others]);
    });
    expect([...new Set(answers.map(({ body }) => body))]).toEqual(['process 0, rendering 1']);
    expect(await renders()).toBe(1);
  });

  it('what turns out to be private is rendered for each, and nobody waits for another', async () => {
    const first = visit(addresses[0]!, '/private');
    await processes.ask(0, { kind: 'until', count: 1 });
    const others = everybody('/private');
    await processes.all({ kind: 'open' });
    const answers = await Promise.all([first, ...others]);
    for (const { body, cookie } of answers) expect(cookie).toBe(`text=${encodeURIComponent(body)}`);
    expect(await renders()).toBe(answers.length);
  });

  it.each(['die', 'stop'])(
    'a process that is made to %s keeps the others for no longer than a moment',
    async (kind) => {
      const lost = visit(addresses[0]!, '/page/2').catch(() => {});
      await processes.ask(0, { kind: 'until', count: 1 });
      const others = everybody('/page/2', addresses.slice(1));
      void processes.ask(0, { kind }).catch(() => {});
      // Without an end of its lease, they would wait until the one who stopped goes on.
      await Promise.race(addresses.slice(1).map((_, index) => processes.ask(index + 1, { kind: 'until', count: 1 })));
      for (let index = 1; index < PROCESSES; index += 1) await processes.ask(index, { kind: 'open' });
      for (const { body } of await Promise.all(others)) expect(body).toMatch(/^process [1-3], /);
      void lost;
    },
  );

  it('after a purge, those who come later do not wait for what was begun before', async () => {
    const first = visit(addresses[0]!, '/page/3');
    await processes.ask(0, { kind: 'until', count: 1 });
    await processes.ask(1, { kind: 'purge' });
    const later = visit(addresses[2]!, '/page/3');
    // Process 0 hears of the purge with its next visitor.
    const other = visit(addresses[0]!, '/page/4');
    await processes.ask(2, { kind: 'until', count: 1 });
    await processes.all({ kind: 'open' });
    expect((await later).body).toBe('process 2, rendering 1');
    await Promise.all([first, other]);
  });
});
