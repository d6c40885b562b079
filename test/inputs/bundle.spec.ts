import { beforeAll, describe, expect, it } from 'vitest';
import { buildChild, runNode } from '../support/child-program.js';

/** Asks twice for a page of an application that logs with morgan, and tells what became of it. Its arguments are fields to ignore. */
const PROGRAM = `
import 'reflect-metadata';
import { Controller, Get, Header } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import morgan from 'morgan';
import { NginxCacheModule } from './lib/index.js';

class PagesController {
  page() { return 'page'; }
}
Controller()(PagesController);
for (const decorate of [Get('page'), Header('content-type', 'text/html; charset=utf-8')]) {
  decorate(PagesController.prototype, 'page', Object.getOwnPropertyDescriptor(PagesController.prototype, 'page') as never);
}
class AppModule {}
const ignore = process.argv.slice(2);
const module = { module: AppModule, imports: [NginxCacheModule.forRoot({ requestFields: { ignore } })], controllers: [PagesController] };
const app = await NestFactory.create(module, { logger: ['warn', 'error'] });
app.use(morgan('combined', { immediate: true, stream: { write() {} } }));
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address() as { port: number };
for (let visit = 0; visit < 2; visit += 1) {
  const answer = await fetch('http://127.0.0.1:' + port + '/page');
  await answer.text();
  console.log('status', answer.headers.get('cache-status'));
}
await app.close();
`;

describe('a bundle', () => {
  let program: string;
  beforeAll(async () => {
    program = await buildChild(PROGRAM, { packages: ['morgan'] });
  });

  const statuses = (output: string) => [...output.matchAll(/^status (.*)$/gm)].map(([, status]) => status);
  const CACHED = ['nestjs-nginx-cache; fwd=miss; stored', 'nestjs-nginx-cache; hit'];

  it('with a source map that Node knows has its pages cached: harmless libraries are recognised', async () => {
    const { output } = await runNode(['--enable-source-maps', program]);
    expect(statuses(output), output).toEqual(CACHED);
  });

  it('without one has them cached when the fields are ignored that the log names', async () => {
    const { output } = await runNode([program]);
    expect(statuses(output)[0], output).toMatch(/fwd=(?:bypass|miss); detail=reads-/);
    expect(output).toMatch(/is read at \S*program\.mjs:\d+:\d+, .*start Node with --enable-source-maps/);
    const named = [...output.matchAll(/ignore: \['([^']+)'\]/g)].map(([, name]) => name as string);
    expect(named).toContain('user-agent');
    const again = await runNode([program, ...named]);
    expect(statuses(again.output), again.output).toEqual(CACHED);
  });
});
