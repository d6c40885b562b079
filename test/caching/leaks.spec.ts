import { expect, it } from 'vitest';
import { runChild } from '../support/child-program.js';

const program = (platform: string) => `
import 'reflect-metadata';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get, Header, Module, Param, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryStore, NginxCacheModule, OnPageCache, PageStored } from './lib/index.js';
import { Renderings } from './lib/caching/renderings.js';

process.on('warning', (warning) => console.log('WARNING', warning.name, warning.message));

@Controller()
class PagesController {
  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('id') id: string) {
    // Some of them are worth compressing.
    return ('page ' + id).repeat(Number(id) % 10 === 0 ? 300 : 30);
  }

  @Get('endless/:id')
  endless(@Res() reply: any) {
    const response = reply.raw ?? reply;
    reply.hijack?.();
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.write('x'.repeat(2000));
  }
}

let renewed = 0;
class Stored {
  @OnPageCache(PageStored) onStored({ cause }: PageStored) { if (cause !== 'visit') renewed += 1; }
}

@Module({
  imports: [NginxCacheModule.forRoot({
    // Room for some hundred pages: it is full long before the measurement.
    store: memoryStore({ maxBytes: 100_000 }), maxPageBytes: 50_000,
    // Pages end while they are asked for, and go on being rendered.
    ttl: 50, staleWhileRevalidate: 60_000, staleIfError: 60_000, refreshAhead: { inactive: 1000, afterPurge: 10 },
  })],
  controllers: [PagesController],
  providers: [Stored],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new ${platform}(), { logger: false });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();

// Not a host of one letter: pages show it by chance, and are not stored.
/** Many requests at once on one connection, the last of which closes it. */
const ask = async (requests: string[]) => {
  const socket = connect(port, '127.0.0.1');
  const text = requests.map((lines, at) => 'GET ' + lines + '\\r\\nHost: site.example' + (at === requests.length - 1 ? '\\r\\nConnection: close' : '') + '\\r\\n\\r\\n');
  let answers = 0;
  socket.setEncoding('latin1').on('data', (data) => (answers += data.split('HTTP/1.1 ').length - 1));
  socket.write(text.join(''));
  await once(socket, 'close');
  // A status line may be torn in two.
  if (answers < requests.length - 2) throw new Error(answers + ' answers to ' + requests.length + ' requests');
};
const abort = async (path: string) => {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET ' + path + ' HTTP/1.1\\r\\nHost: site.example\\r\\n\\r\\n');
  await once(socket, 'data');
  socket.destroy();
};
let id = 0;
const some = async (requests: number) => {
  while (requests > 0) {
    const batch = Array.from({ length: 95 }, (_, n) => {
      id += 1;
      if (n % 5 === 1) return '/pages/' + id + ' HTTP/1.1\\r\\nCookie: a=b';
      if (n % 5 === 2) return '/pages/1 HTTP/1.1';
      if (n % 10 === 4) return '/pages/' + (id - 104) + ' HTTP/1.1';
      if (n % 5 === 3) return '/nowhere/' + id + ' HTTP/1.1';
      return '/pages/' + id + ' HTTP/1.1';
    });
    const aborts = Array.from({ length: 5 }, () => abort('/endless/' + (id += 1)));
    await Promise.all([ask(batch), ...aborts]);
    requests -= 100;
  }
};
const heap = async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise(setImmediate);
    globalThis.gc!();
  }
  return process.memoryUsage().heapUsed;
};

await some(8000);
const before = await heap();
await some(12000);
const between = await heap();
await some(12000);
const after = await heap();
while (app.get(Renderings).size > 0) await new Promise(setImmediate);
await app.close();
console.log(JSON.stringify({ requests: id, grown: Math.min(between - before, after - between), renewed }));
`;

/** On a busy machine it takes minutes, in milliseconds. */
const PATIENCE = 600_000;

it.each(['ExpressAdapter', 'FastifyAdapter'])(
  '32,000 requests leave nothing behind: %s',
  { timeout: PATIENCE },
  async (platform) => {
    const { code, output } = await runChild(program(platform), { args: ['--expose-gc'], timeout: PATIENCE - 10_000 });
    expect(output).not.toContain('WARNING');
    expect(code).toBe(0);
    const { requests, grown, renewed } = JSON.parse(output) as Record<string, number>;
    expect(requests).toBe(32_000);
    expect(renewed).toBeGreaterThan(100);
    // A hundred bytes kept of each request would be 1.2 MB each time. What is kept for a second or a minute differs from one look to the next.
    expect(grown).toBeLessThan(1_000_000);
  },
);
