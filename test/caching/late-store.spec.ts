import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, PageCacheService, type PageStoreDefinition } from '../../lib/index.js';
import { beginCheck } from '../../lib/stores/journal/purge-check.js';
import { LocalJournal } from '../../lib/stores/journal/local-journal.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

const LATE = 'nestjs-nginx-cache; fwd=miss; stored; detail=store-late';

/** A store that answers at the beginning of a rendering only when the test lets it. */
let store = new Gate();
let handler = new Gate();
let renders = 0;

function lateStore(): PageStoreDefinition {
  const memory = memoryStore();
  return {
    ...memory,
    open: (context) => {
      const opened = memory.open(context);
      return {
        ...opened,
        begin: async (...args) => {
          await store.pass();
          return opened.begin(...args);
        },
      };
    },
  };
}

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html')
  async page() {
    renders += 1;
    const own = renders;
    await handler.pass();
    return `<p>${own}</p>`;
  }
}

describe.each(PLATFORMS)('a store that is late, on %s', (platform) => {
  let app: INestApplication;
  let get: () => ReturnType<typeof answer>;

  beforeEach(async () => {
    [store, handler, renders] = [new Gate(), new Gate(), 0];
    const started = await startApplication({
      platform,
      controllers: [PageController],
      providers: [PageLog],
      options: { store: lateStore() },
    });
    app = started.app;
    get = () => answer(`${started.url}/page`);
  });
  afterEach(async () => {
    store.open();
    handler.open();
    await app.close();
  });

  it('gets the page all the same', async () => {
    const visit = get();
    await handler.reached;
    handler.open();
    expect(await visit).toMatchObject({ code: 200, status: LATE });
    store.open();
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    expect((await get()).body.toString()).toBe('<p>1</p>');
    expect(renders).toBe(1);
  });

  it.each(['before', 'after'])('gets no page that was purged %s it answered', async (when) => {
    const visit = get();
    await handler.reached;
    if (when === 'after') store.open();
    await app.get(PageCacheService).purge('/page');
    handler.open();
    await visit;
    store.open();
    expect(await app.get(PageLog).outcome('/page')).toBe('purged');
    expect(await app.get(PageCacheService).has('/page')).toBe(false);
  });

  it('lets others wait for the page if it answers before that is there', async () => {
    const first = get();
    await handler.reached;
    const others = Array.from({ length: 5 }, get);
    store.open();
    await app.get(PageCacheService).purge('/other');
    handler.open();
    const bodies = (await Promise.all([first, ...others])).map(({ body }) => body.toString());
    expect(new Set(bodies)).toEqual(new Set(['<p>1</p>']));
    expect(renders).toBe(1);
  });

  it('lets nobody wait for it when the page is there', async () => {
    const first = get();
    await handler.reached;
    const others = Array.from({ length: 5 }, get);
    handler.open();
    // It never answers while they are here.
    const bodies = (await Promise.all([first, ...others])).map(({ body }) => body.toString());
    expect(new Set(bodies).size).toBe(6);
  });
});

it('a purge by a clock that is behind counts when the handler ran already', async () => {
  const address = { key: 'page:/', path: '/', target: '/', host: undefined, variants: {} };
  const verdict = async (isRunning: boolean) => {
    const journal = new LocalJournal();
    const arrival = { position: journal.window.position, time: 1000 };
    journal.window.add({ time: 1, scope: { kind: 'all' } });
    const check = await beginCheck(journal, address, { arrival, renews: false, isRunning: () => isRunning });
    return check.ask(new Set());
  };
  expect(await verdict(false)).toBeUndefined();
  expect(await verdict(true)).toBe('purged');
});
