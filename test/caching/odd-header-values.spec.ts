import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, type INestApplication, Res } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { values } from '../rfc/support/whole-responses.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';

const HTML = 'text/html; charset=utf-8';

/** Node takes anything that can be made a text of, whatever its types say. */
@Controller()
class NumbersController {
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return 'page';
  }

  private send(reply: ServerResponse, value: unknown): void {
    raw(reply)
      .setHeader('Content-Type', HTML)
      .setHeader('X-N', value as string)
      .end('numbers');
  }

  @Get('number')
  number(@Res() reply: ServerResponse) {
    this.send(reply, 1);
  }

  @Get('numbers')
  numbers(@Res() reply: ServerResponse) {
    this.send(reply, [1, 2]);
  }

  @Get('mixed')
  mixed(@Res() reply: ServerResponse) {
    this.send(reply, ['one', 2, true]);
  }

  @Get('write-head')
  writeHead(@Res() reply: ServerResponse) {
    raw(reply)
      .writeHead(200, { 'Content-Type': HTML, 'X-N': [1, 2] as never })
      .end('numbers');
  }
}

describe.each(PLATFORMS)('a header field that is no text, on %s', (platform) => {
  let app: INestApplication;
  let client: RawClient;
  beforeAll(async () => {
    const parts = { controllers: [NumbersController], providers: [PageLog] };
    const started = await startApplication({ platform, ...parts });
    app = started.app;
    client = new RawClient(Number(started.address.split(':')[1]));
  });
  afterAll(async () => {
    client?.close();
    await app?.close();
  });
  const get = (target: string) => client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);

  it.each([
    ['/number', ['1']],
    ['/numbers', ['1', '2']],
    ['/mixed', ['one', '2', 'true']],
    ['/write-head', ['1', '2']],
  ])('comes back as it was sent, and other pages stay: %s', async (target, sent) => {
    await get('/page');
    expect(await app.get(PageLog).outcome('/page')).toBe('stored');
    expect(values(await get(target), 'x-n')).toEqual(sent);
    expect(await app.get(PageLog).outcome(target)).toBe('stored');

    const hit = await get(target);
    expect(field(hit, 'cache-status')).toContain('; hit');
    expect(values(hit, 'x-n')).toEqual(sent);
    expect(field(await get('/page'), 'cache-status')).toContain('; hit');
  });
});
