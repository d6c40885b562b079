import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { PageCacheService } from '../../lib/index.js';
import { startApplication } from '../support/applications.js';
import { Gate } from '../support/gate.js';
import { raw } from '../support/raw-response.js';

@Controller()
class StalledController {
  static gate = new Gate();
  static isGivenUp = false;

  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  post(@Param('id') id: string) {
    return `post ${id}`;
  }

  /** It never answers. */
  @Get('sitemap.xml')
  sitemap(@Res() reply: ServerResponse) {
    raw(reply).once('close', () => (StalledController.isGivenUp = true));
    void StalledController.gate.pass();
  }
}

/** Gives one value, and then keeps its reader waiting for ever, like a queue, or a database whose connection is gone. */
class StalledSource<T> implements AsyncIterable<T>, AsyncIterator<T> {
  readonly gate = new Gate();
  isEnded = false;
  readonly #values: T[];

  constructor(value: T) {
    this.#values = [value];
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    const value = this.#values.shift();
    if (value === undefined) await this.gate.pass();
    return { done: false, value: value! };
  }

  async return(): Promise<IteratorResult<T>> {
    this.isEnded = true;
    return { done: true, value: undefined };
  }
}

const start = () =>
  startApplication({
    platform: 'express',
    controllers: [StalledController],
    options: { origin: 'https://example.com' },
  });

it('publishMany() ends at the signal although its source does not', async () => {
  const { app } = await start();
  const stop = new AbortController();
  const source = new StalledSource('/posts/1');
  const publishing = app.get(PageCacheService).publishMany(source, { signal: stop.signal });
  await source.gate.reached;
  stop.abort();
  expect(await publishing).toMatchObject({ published: [], isComplete: false });
  expect(source.isEnded).toBe(true);
  await app.close();
});

it('an application closes although a source of publishMany() does not end', async () => {
  const { app } = await start();
  const source = new StalledSource('/posts/1');
  const publishing = app.get(PageCacheService).publishMany(source);
  await source.gate.reached;
  await app.close();
  expect(await publishing).toMatchObject({ published: [], isComplete: false });
});

it('publishSitemap() ends at the signal although the content that it reads does not', async () => {
  const { app } = await start();
  const stop = new AbortController();
  const source = new StalledSource(Buffer.from('https://example.com/posts/1\n'));
  const publishing = app.get(PageCacheService).publishSitemap(source, { signal: stop.signal });
  await source.gate.reached;
  stop.abort();
  expect(await publishing).toMatchObject({ published: [], isComplete: false });
  expect(source.isEnded).toBe(true);
  await app.close();
});

it('an application that closes gives up the sitemap that it is reading', async () => {
  const { app } = await start();
  const publishing = app.get(PageCacheService).publishSitemap('/sitemap.xml');
  await StalledController.gate.reached;
  await app.close();
  // Otherwise, a timer would keep the process alive for another half a minute.
  expect(StalledController.isGivenUp).toBe(true);
  expect(await publishing).toMatchObject({ published: [], isComplete: false });
});
