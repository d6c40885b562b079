import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Controller,
  Get,
  Header,
  HttpCode,
  InternalServerErrorException,
  Param,
  Redirect,
  Res,
  StreamableFile,
} from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Renderings } from '../../lib/caching/renderings.js';
import { PLATFORMS } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Site, startSite } from '../support/site.js';
import { SlowListener } from '../support/slow-listener.js';

const HTML = 'text/html; charset=utf-8';
const LIMIT = 10_000;

/** Fails after its first chunk. */
function failing(): Readable {
  return Readable.from(
    (async function* () {
      yield Buffer.from('<h1>half');
      await new Promise(setImmediate);
      throw new Error('the disk is gone');
    })(),
  );
}

@Controller()
class UnfinishedController {
  static started: (response: ServerResponse) => void = () => {};

  private begin(reply: ServerResponse, headers: Record<string, string> = {}): ServerResponse {
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML, ...headers });
    response.write('<h1>half');
    UnfinishedController.started(response);
    return response;
  }

  @Get('endless')
  endless(@Res() reply: ServerResponse) {
    this.begin(reply);
  }

  @Get('silent')
  silent(@Res() reply: ServerResponse) {
    UnfinishedController.started(raw(reply));
  }

  @Get('destroyed')
  destroyed(@Res() reply: ServerResponse) {
    this.begin(reply).destroy();
  }

  @Get('destroyed-then-ended')
  destroyedThenEnded(@Res() reply: ServerResponse) {
    this.begin(reply).destroy().end('</h1>');
  }

  @Get('socket-destroyed')
  socketDestroyed(@Res() reply: ServerResponse) {
    const response = this.begin(reply);
    response.socket?.destroy();
    response.end('</h1>');
  }

  @Get('streamable')
  streamable() {
    return new StreamableFile(failing(), { type: HTML });
  }

  @Get('pipe')
  pipe(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML });
    failing()
      .on('error', () => response.destroy())
      .pipe(response);
  }

  @Get('too-short')
  tooShort(@Res() reply: ServerResponse) {
    this.begin(reply, { 'Content-Length': '100' }).end('</h1>');
  }

  @Get('too-long')
  tooLong(@Res() reply: ServerResponse) {
    this.begin(reply, { 'Content-Length': '3' }).end('</h1>');
  }

  @Get('empty')
  @Header('content-type', HTML)
  empty() {
    return '';
  }

  @Get('empty-chunked')
  emptyChunked(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'Content-Type': HTML });
    response.flushHeaders();
    response.end();
  }

  @Get('oversize-declared')
  @Header('content-type', HTML)
  oversize() {
    return 'x'.repeat(LIMIT + 1);
  }

  @Get('oversize-chunked')
  oversizeChunked(@Res() reply: ServerResponse) {
    const response = this.begin(reply);
    response.write('x'.repeat(LIMIT));
    response.end('</h1>');
  }

  @Get('just-fits')
  @Header('content-type', HTML)
  justFits() {
    return 'x'.repeat(LIMIT);
  }

  @Get('status/:code')
  status(@Param('code') code: string, @Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(Number(code), { 'Content-Type': HTML });
    response.end(code === '304' ? undefined : 'content');
  }

  @Get('created')
  @HttpCode(201)
  @Header('content-type', HTML)
  created() {
    return 'x';
  }

  @Get('redirect')
  @Redirect('/elsewhere')
  redirect() {}

  @Get('error')
  @Header('content-type', HTML)
  error() {
    throw new InternalServerErrorException();
  }

  @Get('rejected')
  @Header('content-type', HTML)
  async rejected() {
    throw new Error('unexpected');
  }

  @Get('twice')
  twice(@Res() reply: ServerResponse) {
    const response = this.begin(reply);
    response.end('</h1>');
    response.end('once more');
    // A write after the end is an error that somebody must listen to.
    response.on('error', () => {}).write('and more');
  }

  @Get('wrong-status')
  wrongStatus(@Res() reply: ServerResponse) {
    const response = raw(reply);
    try {
      response.writeHead(99);
    } catch {
      // As Node should.
    }
    response.writeHead(200, { 'Content-Type': HTML }).end('right');
  }
}

describe.each(PLATFORMS)('nothing partial is stored on %s', (platform) => {
  let site: Site;
  let inFlight: Renderings;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [UnfinishedController],
      options: { maxPageBytes: LIMIT },
      logger: false,
    });
    inFlight = site.app.get(Renderings);
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it.each([
    ['/destroyed', 'aborted'],
    ['/destroyed-then-ended', 'aborted'],
    ['/socket-destroyed', 'aborted'],
    ['/streamable', 'aborted'],
    ['/pipe', 'aborted'],
    ['/too-short', 'truncated'],
    ['/too-long', 'truncated'],
    ['/empty', 'empty'],
    ['/empty-chunked', 'empty'],
    ['/oversize-declared', 'size'],
    ['/oversize-chunked', 'size'],
    ['/status/201', 'status-201'],
    ['/status/203', 'status-203'],
    ['/status/204', 'status-204'],
    ['/status/206', 'status-206'],
    ['/status/301', 'status-301'],
    ['/status/304', 'status-304'],
    ['/status/404', 'status-404'],
    ['/status/410', 'status-410'],
    ['/status/500', 'status-500'],
    ['/status/503', 'status-503'],
    ['/created', 'status-201'],
    ['/redirect', 'status-302'],
    ['/error', 'status-500'],
    ['/rejected', 'status-500'],
  ])('%s: %s', async (target, reason) => {
    for (const ask of [site.get, site.direct]) {
      site.log.forget();
      const outcome = site.log.outcome(target);
      while (!site.log.outcomes.has(target)) {
        // Some of these break the connection, or never keep their promise of a length: then the visitor leaves.
        const leaving = new AbortController();
        const asking = ask(target, { signal: leaving.signal }).catch(() => {});
        await Promise.race([asking, outcome]);
        leaving.abort();
        await asking;
        // Where memcached was late, nobody has thought of storing it.
        await Promise.race([outcome, delay(2000)]);
      }
      expect(await outcome).toBe(reason);
      expect(site.log.events).toEqual([`${target} ${reason}`]);
      expect(inFlight.size).toBe(0);
    }
    expect(await site.memcached.keys()).toEqual([]);
  });

  it.each(['/endless', '/silent'])('%s, when the visitor leaves', async (target) => {
    const started = new Promise<ServerResponse>((resolve) => (UnfinishedController.started = resolve));
    const [host, port] = site.address.split(':');
    const visitor = connect(Number(port), host);
    visitor.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const response = await started;
    expect(inFlight.size).toBe(1);
    visitor.destroy();
    expect(await site.log.outcome(target)).toBe('aborted');
    expect(inFlight.size).toBe(0);
    // The handler has not noticed.
    response.write('more');
    response.end('</h1>');
    await new Promise(setImmediate);
    expect(site.log.events).toEqual([`${target} aborted`]);
    expect(await site.memcached.keys()).toEqual([]);
  });

  it('but a page that is ended twice is stored once, whole', async () => {
    expect((await site.get('/twice')).body.toString()).toBe('<h1>half</h1>');
    expect(await site.log.outcome('/twice')).toBe('stored');
    expect((await site.get('/twice')).body.toString()).toBe('<h1>half</h1>');
    expect(site.log.events).toEqual(['/twice stored']);
    expect(inFlight.size).toBe(0);
  });

  it('and a page of just the limit is', async () => {
    await site.get('/just-fits');
    expect(await site.log.outcome('/just-fits')).toBe('stored');
  });

  it('and one whose first header was refused by Node, with one Cache-Status', async () => {
    const { body, status } = await site.direct('/wrong-status');
    expect(body.toString()).toBe('right');
    expect(status).toBe('nestjs-nginx-cache; fwd=miss; stored');
  });
});

describe.each(PLATFORMS)('a visitor who has left before the handler runs, on %s', (platform) => {
  it('leaves nothing behind', async () => {
    await using site = await startSite({ platform, controllers: [UnfinishedController], providers: [SlowListener] });
    const listener = site.app.get(SlowListener);
    const started = new Promise<ServerResponse>((resolve) => (UnfinishedController.started = resolve));
    const [host, port] = site.address.split(':');
    const visitor = connect(Number(port), host);
    visitor.write('GET /silent HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const request = await listener.asked;
    visitor.destroy();
    if (!request.socket.destroyed) await once(request.socket, 'close');
    listener.answer();
    await started;
    await new Promise(setImmediate);
    expect(site.app.get(Renderings).size).toBe(0);
  });
});
