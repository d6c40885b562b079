import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { Controller, Get, type INestApplication, Res, StreamableFile } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { raw } from '../support/raw-response.js';

const HTML = 'text/html; charset=utf-8';

function whole(): Readable {
  return Readable.from([Buffer.from('<p>first half, '), Buffer.from('second half</p>')]);
}

async function* half(): AsyncGenerator<Buffer> {
  yield Buffer.from('<p>first half, ');
  throw new Error('the source breaks');
}

function broken(): Readable {
  return Readable.from(half());
}

@Controller()
class SourcesController {
  private pipe(source: Readable, reply: ServerResponse): void {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    source.on('error', () => response.end()).pipe(response);
  }

  @Get('piped')
  piped(@Res() reply: ServerResponse) {
    this.pipe(whole(), reply);
  }

  @Get('piped-broken')
  pipedBroken(@Res() reply: ServerResponse) {
    this.pipe(broken(), reply);
  }

  @Get('piped-broken-and-finished')
  finished(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    broken()
      .on('error', () => response.end('the end of the page</p>'))
      .pipe(response);
  }

  /** With a foot that comes from elsewhere. */
  @Get('piped-and-more')
  more(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    whole()
      .once('end', () => response.end('<p>foot</p>'))
      .pipe(response, { end: false });
  }

  @Get('one-after-the-other')
  oneAfterTheOther(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    whole()
      .once('end', () => whole().pipe(response))
      .pipe(response, { end: false });
  }

  /** A source that has been taken off again is none. */
  @Get('unpiped')
  unpiped(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.setHeader('Content-Type', HTML);
    const source = whole();
    source.pipe(response);
    source.once('data', () => {
      source.unpipe(response);
      response.end('<p>enough</p>');
    });
  }

  private file(source: Readable): StreamableFile {
    // As Nest does by itself where it is not told how.
    return new StreamableFile(source, { type: HTML }).setErrorHandler((_, response) => response.end());
  }

  @Get('streamable')
  streamable() {
    return this.file(whole());
  }

  @Get('streamable-broken')
  streamableBroken() {
    return this.file(broken());
  }
}

describe.each(PLATFORMS)('a page that is piped into the response, on %s', (platform) => {
  let app: INestApplication;
  let client: RawClient;
  beforeAll(async () => {
    const parts = { controllers: [SourcesController], providers: [PageLog] };
    const started = await startApplication({ platform, ...parts, logger: false });
    app = started.app;
    client = new RawClient(Number(started.address.split(':')[1]));
  });
  afterAll(async () => {
    client?.close();
    await app?.close();
  });
  /** @returns `hung up` when the visitor is told that it is not whole */
  const status = (target: string) =>
    client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`).then(
      (response) => field(response, 'cache-status'),
      () => 'hung up',
    );

  it.each(['/piped-broken', '/piped-broken-and-finished', '/streamable-broken'])(
    'is not stored when the source breaks, though the response is ended: %s',
    async (target) => {
      await status(target);
      expect(await app.get(PageLog).outcome(target)).toBe('aborted');
      expect(await status(target)).not.toContain('; hit');
    },
  );

  it.each(['/piped', '/piped-and-more', '/one-after-the-other', '/unpiped', '/streamable'])(
    'is stored when it is whole: %s',
    async (target) => {
      await status(target);
      expect(await app.get(PageLog).outcome(target)).toBe('stored');
      expect(await status(target)).toContain('; hit');
    },
  );
});
