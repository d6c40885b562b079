import type { ServerResponse } from 'node:http';
import {
  ConflictException,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Injectable,
  type NestInterceptor,
  NotFoundException,
  Param,
  Patch,
  Post,
  Put,
  Redirect,
  Res,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { setTimeout } from 'node:timers/promises';
import { delay, Observable, of } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyvStore, NoPageCache, PurgePages } from '../../lib/index.js';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { patientlyRaw } from '../support/patience.js';
import { PurgeLog } from '../support/purge-log.js';
import { raw } from '../support/raw-response.js';
import { answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

interface Reply {
  header(name: string, value: string): Reply;
  redirect(...args: unknown[]): void;
  send(body?: unknown): void;
}

@Injectable()
class OpenGuard {
  canActivate() {
    return true;
  }
}

/** Commits behind everything else, as interceptors for transactions do. */
@Injectable()
class CommitsLater implements NestInterceptor {
  intercept(_: unknown, next: { handle(): Observable<unknown> }) {
    return new Observable((subscriber) =>
      next.handle().subscribe((value) => {
        void setTimeout(30).then(() => {
          Counter.value += 1;
          subscriber.next(value);
          subscriber.complete();
        });
      }),
    );
  }
}

const Counter = { value: 0 };

@Controller()
class CounterController {
  @Get(['/', 'page', 'other', 'page/:id', 'excluded', 'not-purging', 'guarded', 'res', 'raw', 'streamed'])
  @Header('content-type', HTML)
  page() {
    return this.show();
  }

  @Get(['k%C3%A4se', 'käse'])
  @Header('content-type', HTML)
  show() {
    return `count ${Counter.value}`;
  }

  @Post(['page', 'k%C3%A4se', 'käse'])
  @HttpCode(200)
  post() {
    Counter.value += 1;
  }

  @Put('page')
  async put() {
    Counter.value += 1;
    return 'put';
  }

  @Patch('page')
  patch() {
    Counter.value += 1;
    return of({ patched: true }).pipe(delay(5));
  }

  @Delete('page')
  @HttpCode(204)
  remove() {
    Counter.value += 1;
  }

  @Post('page/:how')
  how(@Param('how') how: string, @Res({ passthrough: true }) reply: Reply & { status(code: number): Reply }) {
    Counter.value += 1;
    if (how === 'missing') throw new NotFoundException();
    if (how === 'conflict') throw new ConflictException();
    if (how === 'broken') throw new Error('broken');
    if (how === 'bad') reply.status(422);
    return 'x';
  }

  @Post('purges')
  @PurgePages('/page')
  purges() {
    Counter.value += 1;
  }

  @Post('excluded')
  @HttpCode(200)
  excluded() {}

  @Post('login')
  @Redirect('/', 303)
  login() {}

  @Post('redirect/:to')
  @PurgePages({ location: true })
  redirect(@Param('to') to: string, @Res() reply: Reply) {
    Counter.value += 1;
    const url = Buffer.from(to, 'base64url').toString();
    raw(reply as never as ServerResponse)
      .writeHead(303, { location: url })
      .end();
  }

  @Post('content-location/:to')
  @PurgePages({ location: true })
  contentLocation(@Param('to') to: string, @Res({ passthrough: true }) reply: Reply) {
    Counter.value += 1;
    reply.header('content-location', Buffer.from(to, 'base64url').toString());
    return 'x';
  }

  @Post('not-purging')
  @NoPageCache()
  notPurging() {}

  @Post('guarded')
  @UseGuards(OpenGuard)
  guarded() {
    Counter.value += 1;
  }

  @Post('res')
  res(@Res() reply: Reply) {
    Counter.value += 1;
    reply.header('content-type', HTML).send('<p>sent</p>');
  }

  @Post('raw')
  async raw(@Res() reply: ServerResponse) {
    Counter.value += 1;
    raw(reply).setHeader('x-some', 'thing').end('straße');
  }

  @Post('streamed')
  streamed(@Res() reply: ServerResponse & { hijack?: () => void }) {
    reply.hijack?.();
    const response = raw<ServerResponse>(reply as never);
    response.writeHead(200, { 'content-type': HTML });
    response.write('some');
    void setTimeout(20).then(() => {
      Counter.value += 1;
      response.end(' more');
    });
  }

  @Post('other')
  @UseInterceptors(CommitsLater)
  other() {
    return 'x';
  }
}

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

/** Its own pages are not stored, but it changes those of another. */
@Controller()
@NoPageCache()
class FormsController {
  @Post('form')
  post() {
    Counter.value += 1;
  }
}

@Controller()
class FormPagesController {
  @Get('form')
  @Header('content-type', HTML)
  show() {
    return `count ${Counter.value}`;
  }
}

const CONTROLLERS = [CounterController, FormsController, FormPagesController];

const to = (url: string) => Buffer.from(url).toString('base64url');

describe.each(PLATFORMS)('after an unsafe request on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: CONTROLLERS,
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
      controllers: CONTROLLERS,
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
    for (const target of ['/page', '/res', '/raw', '/streamed', `/redirect/${to('/page')}`, '/page/bad', '/nowhere']) {
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
        await change('/page', () => post(`/${way}/${to(location.replace('HOST', host()))}`));
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
        await site.get(`/${way}/${to(other)}`, { method: 'POST' });
        expect(await site.get('/page'), other).toBePageCacheHit();
      }
      await store('/page', '/page?p=1');
      await change('/page?p=1', () => post(`/${way}/${to('/page?p=1')}`));
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

describe.each(PLATFORMS)('with a store that is slow, but not dead, on %s', (platform) => {
  it.each(['/page', '/purges'])('whoever has sent %s sees the change', async (target) => {
    const store = new SlowStore();
    const { app, url } = await startApplication({
      platform,
      controllers: CONTROLLERS,
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
      controllers: CONTROLLERS,
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
      controllers: CONTROLLERS,
      options: { hosts: ['a.example', 'b.example'] },
    });
    await using client = new RawClient(site.nginx.port);
    const ask = (method: string, name: string, target: string) =>
      patientlyRaw(() => client.send(`${method} ${target} HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 0\r\n\r\n`));
    for (const [target, location] of [
      ['/page', ''],
      [`/redirect/${to('//b.example/page')}`, 'b'],
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
