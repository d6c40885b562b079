import { Controller, Get, Header } from '@nestjs/common';
import { expect, it } from 'vitest';
import { memcachedStore, PageCacheService } from '../../lib/index.js';
import { PAGE_KEY_HEADER } from '../../lib/page/page-key-header.js';
import { MemcachedClient } from '../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { answer } from '../support/site.js';

let version = 1;

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return `version ${version}`;
  }
}

it.each(PLATFORMS)(
  'whoever comes after a purge gets no page from before it that is being stored, on %s',
  async (platform) => {
    await using memcached = await MemcachedServer.start();
    const held = new Gate();
    const newClient = () => new MemcachedClient(memcached.address, { getTimeout: 2000 });
    const start = (client: MemcachedClient) => {
      const store = memcachedStore({
        client: { servers: [{ address: memcached.address, weight: 1 }], open: () => client },
      });
      const options = { store, nginx: { flavour: 'srcache' as const } };
      return startApplication({ platform, controllers: [PageController], options, isPatient: true });
    };
    const [one, other] = [await start(slowToConfirm(newClient(), held)), await start(newClient())];
    const pages = other.app.get(PageCacheService);
    // nginx has looked for the page, so the application does not.
    const visit = () => answer(`${one.url}/page`, { headers: { [PAGE_KEY_HEADER]: pages.keysFor('/page')[0]! } });

    version = 1;
    const first = visit();
    await held.reached;
    version = 2;
    expect((await pages.purge('/page')).purged).toBe(1);
    const second = visit();
    // If it waits for the first one, it does so at once.
    await answer(`${one.url}/nothing`);
    held.open();
    expect((await first).body.toString()).toBe('version 1');
    expect((await second).body.toString()).toBe('version 2');
    await Promise.all([one.app.close(), other.app.close()]);
  },
);

/** The server has confirmed the first page long before the process hears of it, as after a lost packet. */
function slowToConfirm(client: MemcachedClient, held: Gate): MemcachedClient {
  const confirm = client.compareAndTouch.bind(client);
  client.compareAndTouch = async (...args) => {
    client.compareAndTouch = confirm;
    const answered = await confirm(...args);
    await held.pass();
    return answered;
  };
  return client;
}
