import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { PurgeLog } from '../support/purge-log.js';
import { type Site, startSite } from '../support/site.js';
import { Counter, COUNTER_CONTROLLERS, encodedTarget } from './support/counter.controller.js';

expect.extend(pageCacheMatchers);

describe.each(PLATFORMS)('after an unsafe request on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: COUNTER_CONTROLLERS,
      providers: [PurgeLog],
      options: { query: { allow: ['p'] }, exclude: ['/excluded'] },
      logger: false,
    });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  const store = async (...targets: string[]) => {
    for (const target of targets) {
      // What was asked for before may still be on its way into the store.
      for (let hit = false; !hit;) hit = (await site.get(target)).status === 'nginx; hit';
    }
  };
  const host = () => new URL(site.nginx.url).host;
  /** Sends a change, and expects that the next visitor sees it. */
  const change = async <T>(page: string, send: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const answer = await send();
    // On a busy machine memcached may take longer for a purge than an answer waits for it, which is 1 s.
    const isLate = performance.now() - start >= 900;
    const seen = async () => (await site.get(page)).body.toString();
    if (isLate) await expect.poll(seen, { message: page }).toBe(`count ${Counter.value}`);
    else expect(await seen(), page).toBe(`count ${Counter.value}`);
    return answer;
  };
  const post = (target: string) => site.get(target, { method: 'POST' });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s: the next visitor sees the change', async (method) => {
    for (let round = 0; round < 10; round += 1) {
      await store('/page', '/other');
      const answer = await change('/page', () => site.get('/page', { method }));
      expect(answer.code).toBeLessThan(300);
      expect(await site.get('/other')).toBePageCacheHit();
    }
  });

  it.each(['/res', '/raw', '/streamed', '/guarded', '/form'])('a POST to %s, too', async (target) => {
    for (let round = 0; round < 25; round += 1) {
      await store(target);
      const answer = await change(target, () => post(target));
      expect(answer.code).toBeLessThan(300);
      if (target === '/raw') expect(answer.body.toString()).toBe('straße');
      if (target === '/res') expect(answer.body.toString()).toBe('<p>sent</p>');
      if (target === '/streamed') expect(answer.body.toString()).toBe('some more');
    }
  });

  it('the header of an answer is the same as without', async () => {
    const without = await startSite({
      platform,
      controllers: COUNTER_CONTROLLERS,
      options: { purgeAfterUnsafe: false },
      logger: false,
    });
    await using _ = without;
    const sent = async ({ address }: Site, method: string, target: string) => {
      await using client = new RawClient(Number(address.split(':')[1]));
      const { raw: bytes } = await client.send(
        `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`,
      );
      const [head = '', body] = bytes.toString('latin1').split('\r\n\r\n');
      // Node puts a Content-Length of its own last.
      const fields = head.split('\r\n').filter((line) => !/^(?:date|etag|keep-alive): /i.test(line));
      return `${fields.toSorted().join('\n')}\n\n${body}`;
    };
    for (const target of [
      '/page',
      '/res',
      '/raw',
      '/streamed',
      `/redirect/${encodedTarget('/page')}`,
      '/page/bad',
      '/nowhere',
    ]) {
      expect(await sent(site, 'POST', target), target).toBe(await sent(without, 'POST', target));
    }
    expect(await sent(site, 'DELETE', '/page')).toBe(await sent(without, 'DELETE', '/page'));
    expect(await sent(site, 'PATCH', '/page')).toBe(await sent(without, 'PATCH', '/page'));
  });

  it.each(['missing', 'conflict', 'broken', 'bad'])('that failed (%s) nothing is purged', async (how) => {
    await store(`/page/${how}`);
    expect((await site.get(`/page/${how}`, { method: 'POST' })).code).toBeGreaterThanOrEqual(400);
    expect(await site.get(`/page/${how}`)).toBePageCacheHit();
  });

  it('the page at Location and Content-Location is purged, on the same host only', async () => {
    const same: string[] = ['/page', '//HOST/page', 'http://HOST/page', 'https://HOST/page#part', '../page', '/%70age'];
    for (const way of ['redirect', 'content-location']) {
      for (const location of same) {
        await store('/page', '/page?p=1');
        await change('/page', () => post(`/${way}/${encodedTarget(location.replace('HOST', host()))}`));
        expect(await site.get('/page?p=1')).toBePageCacheHit();
      }
      for (const other of [
        'http://other.example/page',
        '//other.example/page',
        'mailto:page',
        'http://[',
        'urn:/page',
      ]) {
        await store('/page');
        await site.get(`/${way}/${encodedTarget(other)}`, { method: 'POST' });
        expect(await site.get('/page'), other).toBePageCacheHit();
      }
      await store('/page', '/page?p=1');
      await change('/page?p=1', () => post(`/${way}/${encodedTarget('/page?p=1')}`));
      expect(await site.get('/page')).toBePageCacheHit();
    }
  });

  it('where its answer leads to nothing is purged unless the handler says so', async () => {
    await store('/');
    for (let round = 0; round < 5; round += 1) {
      const answer = await post('/login');
      expect([answer.code, answer.headers.get('location')]).toEqual([303, '/']);
      expect(await site.get('/')).toBePageCacheHit();
    }
  });

  it('nothing is purged by a handler with @NoPageCache()', async () => {
    await store('/not-purging');
    site.app.get(PurgeLog).take();
    expect((await post('/not-purging')).code).toBe(201);
    expect(await site.get('/not-purging')).toBePageCacheHit();
    expect(site.app.get(PurgeLog).take()).toEqual([]);
  });

  it('an address that cannot be a page is not purged', async () => {
    site.app.get(PurgeLog).take();
    expect((await post('/excluded')).code).toBe(200);
    // What no page's address can be: a query that browsers do not send so, and a key that is too long.
    expect((await post('/page/ok?p=%41')).code).toBe(201);
    expect((await post(`/page/ok?p=${'x'.repeat(250)}`)).code).toBe(201);
    await post('/page');
    expect(site.app.get(PurgeLog).take()).toEqual(['/page']);
  });

  it.runIf(platform === 'express')("other letters than the route's own purge the page, too", async () => {
    for (const target of ['/PAGE', '/Page/', '/page/', '/PAGE?x=1']) {
      await store('/page');
      expect((await change('/page', () => post(target))).code).toBe(200);
    }
    await store('/page/A%20b');
    expect((await change('/page/A%20b', () => post('/PAGE/A%20b'))).code).toBe(201);
  });

  it('an alias of the address purges the address', async () => {
    await using client = new RawClient(Number(site.address.split(':')[1]));
    for (const target of ['/k%c3%a4se', '/k%C3%A4se?utm_source=x', '/k%C3%A4se?x=1', '/k%C3%A4se?']) {
      await store('/k%C3%A4se');
      await change('/k%C3%A4se', () => post(target));
    }
    // Odd, but it has changed something.
    for (const hostField of ['', ' a|b', ' x:1:2']) {
      await store('/page');
      const request = `POST /page HTTP/1.1\r\nHost:${hostField}\r\nContent-Length: 0\r\n\r\n`;
      const { status } = await change('/page', () => client.send(request));
      expect(status).toBe(200);
    }
    await store('/page');
    await change('/page', () =>
      client.send('POST http://x/page HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'),
    );
  });

  it('no page from before its end stays, however late it commits', async () => {
    for (let round = 0; round < 3; round += 1) {
      await store('/other');
      const changed = change('/other', () => post('/other'));
      const meanwhile: Promise<unknown>[] = [];
      for (let visit = 0; visit < 15; visit += 1) {
        meanwhile.push(site.get('/other'));
        await setTimeout(3);
      }
      await changed;
      await Promise.all(meanwhile);
      expect((await site.get('/other')).body.toString()).toBe(`count ${Counter.value}`);
    }
  });

  it('with memcached away it succeeds', async () => {
    await site.memcached.restart();
    await store('/page');
    site.memcached.pause();
    // It waits in vain, and answers all the same.
    expect((await post('/page')).code).toBe(200);
    expect((await post('/res')).code).toBe(201);
    await site.memcached.kill();
    expect((await post('/page')).code).toBe(200);
    await site.memcached.restart();
  });
});
