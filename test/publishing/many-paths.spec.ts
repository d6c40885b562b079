import { Controller, Get, Header, Param, type INestApplication } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { NoPageCache, PageCacheService } from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';

@Controller()
class ManyController {
  static running = 0;
  static most = 0;
  static readonly begun: string[] = [];
  static readonly gates = new Map<string, Gate>();

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  async post(@Param('id') id: string) {
    ManyController.begun.push(id);
    ManyController.most = Math.max(ManyController.most, (ManyController.running += 1));
    await ManyController.gates.get(id)?.pass();
    ManyController.running -= 1;
    return `post ${id}`;
  }

  @Get('visitors/:id')
  @NoPageCache()
  async visitor(@Param('id') id: string) {
    await ManyController.gates.get(id)?.pass();
    return id;
  }
}

const paths = (count: number) => Array.from({ length: count }, (_, index) => `/posts/${index}`);

describe.each(PLATFORMS)('many pages on %s', (platform) => {
  let app: INestApplication;
  const start = async () => {
    ManyController.most = 0;
    ManyController.begun.length = 0;
    ManyController.gates.clear();
    const started = await startApplication({ platform, controllers: [ManyController] });
    app = started.app;
    return { ...started, pages: app.get(PageCacheService) };
  };
  const hold = (id: string) => {
    const gate = new Gate();
    ManyController.gates.set(id, gate);
    return gate;
  };
  afterEach(() => app.close());

  it('are rendered four at a time, and reported in the order in which they were given', async () => {
    const { pages } = await start();
    const gates = ['0', '1', '2', '3'].map(hold);
    const publishing = pages.publish(...paths(12));
    await Promise.all(gates.map(({ reached }) => reached));
    expect(ManyController.begun).toEqual(['0', '1', '2', '3']);
    // All others are rendered before the first.
    for (const gate of gates.slice(1)) gate.open();
    await expect.poll(() => ManyController.begun).toHaveLength(12);
    gates[0]!.open();
    expect((await publishing).published).toEqual(paths(12));
    expect(ManyController.most).toBe(4);
  });

  it('are rendered one at a time while visitors are here', async () => {
    const { pages, url } = await start();
    const gates = ['0', '1', '2', '3'].map(hold);
    const visitor = hold('slow');
    const publishing = pages.publish(...paths(12));
    await Promise.all(gates.map(({ reached }) => reached));
    const visit = fetch(`${url}/visitors/slow`);
    await visitor.reached;
    ManyController.most = 0;
    for (const gate of gates) gate.open();
    expect((await publishing).published).toEqual(paths(12));
    expect(ManyController.most).toBe(1);
    visitor.open();
    expect((await visit).status).toBe(200);
  });

  it('are purged instead when the application closes', async () => {
    const { pages } = await start();
    const gates = ['0', '1', '2', '3'].map(hold);
    const publishing = pages.publish(...paths(12));
    await Promise.all(gates.map(({ reached }) => reached));
    await app.close();
    const report = await publishing;
    for (const gate of gates) gate.open();
    expect(report).toMatchObject({ published: [], purged: paths(12), skipped: [], failed: [] });
    expect(ManyController.begun).toHaveLength(4);
  });
});
