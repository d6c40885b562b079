import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keyvStore } from '../../lib/index.js';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patientlyRaw } from '../support/patience.js';
import { answer, startSite } from '../support/site.js';
import { Counter, COUNTER_CONTROLLERS, encodedTarget } from './support/counter.controller.js';

expect.extend(pageCacheMatchers);

/** A Map whose deletes take some time. */
class SlowStore {
  readonly opts = {};
  /** In milliseconds. */
  delay = 0;
  readonly #values = new Map<string, unknown>();

  on() {
    return this;
  }
  async get(key: string) {
    return this.#values.get(key);
  }
  async set(key: string, value: unknown) {
    this.#values.set(key, value);
  }
  async delete(key: string) {
    await setTimeout(this.delay);
    return this.#values.delete(key);
  }
  async clear() {
    this.#values.clear();
  }
}

describe.each(PLATFORMS)('with a store that is slow, but not dead, on %s', (platform) => {
  it.each(['/page', '/purges'])('whoever has sent %s sees the change', async (target) => {
    const store = new SlowStore();
    const { app, url } = await startApplication({
      platform,
      controllers: COUNTER_CONTROLLERS,
      providers: [PageLog],
      options: { store: keyvStore(store as never), compress: false },
    });
    await answer(`${url}/page`);
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    expect(await answer(`${url}/page`)).toBePageCacheHit();
    // Much longer than a visitor waits for a page, much shorter than 1 s.
    store.delay = 150;
    expect((await answer(url + target, { method: 'POST' })).code).toBeLessThan(300);
    expect((await answer(`${url}/page`)).body.toString()).toBe(`count ${Counter.value}`);
    await app.close();
  });
});

describe.each(PLATFORMS)('with purgeAfterUnsafe: false on %s', (platform) => {
  it('nothing is purged', async () => {
    await using site = await startSite({
      platform,
      controllers: COUNTER_CONTROLLERS,
      options: { purgeAfterUnsafe: false },
    });
    await site.get('/page');
    await site.log.outcome('/page');
    for (const target of ['/page', '/res', '/PAGE']) await site.get(target, { method: 'POST' });
    expect(await site.get('/page')).toBePageCacheHit();
  });
});

describe.each(PLATFORMS)('with hosts on %s', (platform) => {
  it('only the page of the host is purged', async () => {
    await using site = await startSite({
      platform,
      controllers: COUNTER_CONTROLLERS,
      options: { hosts: ['a.example', 'b.example'] },
    });
    await using client = new RawClient(site.nginx.port);
    const ask = (method: string, name: string, target: string) =>
      patientlyRaw(() => client.send(`${method} ${target} HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 0\r\n\r\n`));
    for (const [target, location] of [
      ['/page', ''],
      [`/redirect/${encodedTarget('//b.example/page')}`, 'b'],
    ]) {
      for (const name of ['a.example', 'b.example']) {
        site.log.forget();
        await ask('GET', name, '/page');
        await site.log.outcome('/page');
      }
      await ask('POST', 'a.example', target ?? '');
      // Location on the other host of the site: not this host's to say.
      expect(await ask('GET', 'b.example', '/page')).toBePageCacheHit();
      site.log.forget();
      const own = await ask('GET', 'a.example', '/page');
      if (location !== '') expect(own).toBePageCacheHit();
      else {
        expect(own).toBePageCacheMiss();
        await site.log.outcome('/page');
      }
      await site.memcached.flush();
    }
  });
});
