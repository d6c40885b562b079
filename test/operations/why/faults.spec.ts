import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Header,
  HttpException,
  Inject,
  Injectable,
  Res,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  OnPageCache,
  PageCacheService,
  pageFragment,
  PageFragment,
  PageRendered,
  PageResponding,
} from '../../../lib/index.js';
import { raw } from '../../support/raw-response.js';
import { deploy, HTML, named, said, saidOf } from './support/said.js';

/** Turns every error into a page. */
@Catch()
class ErrorPage implements ExceptionFilter {
  catch(_: Error, host: ArgumentsHost) {
    const response = raw(host.switchToHttp().getResponse<ServerResponse>());
    if (!response.headersSent) response.writeHead(200, { 'content-type': HTML });
    response.end('<h1>Sorry</h1>');
  }
}

const RANDOM = randomBytes(800_000).toString('base64');

@Controller()
class FaultyController {
  constructor(@Inject(PageCacheService) private readonly pages: PageCacheService) {}

  @Get('thrown')
  thrown() {
    throw new HttpException('broken', 500);
  }

  @Get('listened')
  @Header('content-type', HTML)
  listened() {
    return '<p>';
  }

  @Get('counted')
  @Header('content-type', HTML)
  async counted() {
    await this.pages.purge('/counted');
    return '<p>';
  }

  @Get('late/exception')
  late(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('<h1>half a ');
    throw new Error('broken');
  }

  @Get('late/listener')
  @Header('content-type', HTML)
  lateListener() {
    return '<p>';
  }

  @Get('late/size')
  lateSize(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('x'.repeat(1_500_000));
    response.end('x'.repeat(1_500_000));
  }

  @Get('late/fragment')
  @Header('content-type', HTML)
  fragment() {
    return `<html><body>${pageFragment('bar')}</body></html>`;
  }

  /** More than an item of this memcached may have. */
  @Get('late/store')
  @Header('content-type', HTML)
  large() {
    return RANDOM;
  }

  @PageFragment('bar')
  bar() {
    return '<b>bar</b>';
  }

  @Get('late/truncated')
  truncated(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML, 'content-length': '100' });
    response.write('<h1>half');
    response.end('</h1>');
  }
}

@Injectable()
class BrokenListener {
  @OnPageCache(PageResponding)
  onResponding({ draft }: PageResponding): void {
    if (draft.address.path === '/listened') throw new Error('broken');
  }

  @OnPageCache(PageRendered)
  onRendered({ draft }: PageRendered): void {
    if (draft.address.path === '/late/listener') throw new Error('broken');
  }
}

describe('of an application with faults, why', () => {
  const faulty = () =>
    deploy(
      {
        platform: 'express',
        logger: false,
        controllers: [FaultyController],
        providers: [BrokenListener, { provide: APP_FILTER, useClass: ErrorPage }],
        options: { maxPageBytes: 2_000_000, fragments: ['/assembled'] },
      },
      { args: ['-I', '512k'] },
    );

  it('names what is known when the head is sent', async () => {
    await using site = await faulty();
    expect(await saidOf('exception', `${site.url}/thrown`, site.memcached)).toEqual(named('exception'));
    expect(await saidOf('listener-error', `${site.url}/listened`, site.memcached)).toEqual(named('listener-error'));
    // It asks six times: it may have been a purge by chance.
    expect(await saidOf('purged', `${site.url}/counted`, site.memcached)).toEqual(named('purged'));
  });

  it('says of the rest who names it, and publish does', async () => {
    await using site = await faulty();
    const LATE = {
      '/late/exception': 'exception',
      '/late/listener': 'listener-error',
      '/late/size': 'size',
      '/late/fragment': 'fragment',
      '/late/store': 'store-failed',
      '/late/truncated': 'truncated',
    };
    for (const [target, reason] of Object.entries(LATE)) {
      await expect
        .poll(async () => (await said(site.url + target, site.memcached)).cure)
        .toContain(`publish --module FILE '${target}' names it`);
      const { skipped, failed } = await site.app.get(PageCacheService).publishMany([target]);
      expect({ target, reason: [...skipped, ...failed][0]?.reason }).toEqual({ target, reason });
    }
  });

  it('says so when nginx has no answer of it', async () => {
    const { app, memcached, url, [Symbol.asyncDispose]: stop } = await faulty();
    await app.close();
    expect(await said(`${url}/listened`, memcached)).toMatchObject({
      isPage: false,
      why: 'nginx gets no answer from the application (502)',
    });
    await stop();
  });
});
