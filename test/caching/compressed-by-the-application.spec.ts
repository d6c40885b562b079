import zlib, { gzipSync } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import fastifyCompress from '@fastify/compress';
import { Controller, Get, Header, type INestApplication, Res, StreamableFile } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, type Platform } from '../support/applications.js';
import { raw } from '../support/raw-response.js';
import { type Answer, type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';
const LONG = '<p>Größe</p>\r\nEND\r\n'.repeat(2000);

@Controller()
class CompressedController {
  @Get('long')
  @Header('content-type', HTML)
  long() {
    return LONG;
  }

  @Get('short')
  @Header('content-type', HTML)
  short() {
    return 'ü';
  }

  @Get('stream')
  stream() {
    return new StreamableFile(Readable.from(LONG.match(/.{1,1000}/gs)!.map((part) => Buffer.from(part))), {
      type: HTML,
    });
  }

  private send(reply: ServerResponse, body: Buffer, coding: string | string[]) {
    raw(reply).writeHead(200, { 'Content-Type': HTML, 'Content-Encoding': coding }).end(body);
  }

  @Get('by-hand')
  byHand(@Res() reply: ServerResponse) {
    this.send(reply, gzipSync(LONG), 'GZip');
  }

  @Get('two-lines')
  twoLines(@Res() reply: ServerResponse) {
    this.send(reply, gzipSync(LONG), ['identity', 'gzip']);
  }

  @Get('damaged')
  damaged(@Res() reply: ServerResponse) {
    const bytes = gzipSync(LONG);
    bytes.fill(0x55, bytes.length - 8);
    this.send(reply, bytes, 'gzip');
  }

  @Get('cut-off')
  cutOff(@Res() reply: ServerResponse) {
    this.send(reply, gzipSync(LONG).subarray(0, 100), 'gzip');
  }

  @Get('not-gzip')
  notGzip(@Res() reply: ServerResponse) {
    this.send(reply, Buffer.from(LONG), 'gzip');
  }

  @Get('unknown')
  unknown(@Res() reply: ServerResponse) {
    this.send(reply, Buffer.from(LONG), 'zstd');
  }

  @Get('bomb')
  bomb(@Res() reply: ServerResponse) {
    this.send(reply, gzipSync(Buffer.alloc(2_000_000)), 'gzip');
  }
}

type Encoding = 'gzip' | 'br' | 'zstd';

/** compression has no zstd, and Node has it since 22.15. */
const ENCODINGS: readonly (readonly [Platform, Encoding])[] = [
  ...PLATFORMS.flatMap((platform) => (['gzip', 'br'] as const).map((encoding) => [platform, encoding] as const)),
  ...('zstdDecompress' in zlib ? [['fastify', 'zstd'] as const] : []),
];

/** `fetch()` does not know zstd. */
function unpacked({ headers, body }: Answer): Buffer {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (packed: Buffer) => Buffer };
  return headers.get('content-encoding') === 'zstd' ? zstdDecompressSync!(body) : body;
}

async function compress(app: INestApplication, platform: Platform, encoding: Encoding): Promise<void> {
  if (platform === 'express') app.use(compression({ threshold: 0, enforceEncoding: encoding }));
  else
    await (app as NestFastifyApplication).register(fastifyCompress, {
      threshold: 0,
      encodings: [encoding, 'identity'],
    });
}

describe.each(ENCODINGS)('an application on %s that compresses with %s itself', (platform, encoding) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [CompressedController],
      prepare: (app) => compress(app, platform, encoding),
      logger: false,
    });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  it.each([
    ['/long', LONG],
    ['/stream', LONG],
    ['/short', 'ü'],
  ])('stores %s as it was before', async (target, content) => {
    for (const accept of [encoding, 'identity', 'gzip, br']) {
      await site.memcached.flush();
      site.log.forget();
      const headers = { 'accept-encoding': accept };
      // What the application sends is coded, or this would test nothing.
      const direct = await site.direct(target, { headers });
      expect(unpacked(direct).toString()).toBe(content);
      if (accept === encoding && target !== '/short') expect(direct.headers.get('content-encoding')).toBe(encoding);
      expect(await site.log.outcome(target)).toBe('stored');
      for (const [client, coding] of [
        ['gzip', content.length > 1000 ? 'gzip' : null],
        ['identity', null],
        ['br', null],
      ] as const) {
        const hit = await site.get(target, { headers: { 'accept-encoding': client } });
        expect(hit).toBePageCacheHit();
        expect(hit.headers.get('content-encoding')).toBe(coding);
        expect(hit.body.toString()).toBe(content);
      }
      for (const client of ['gzip', 'br', 'identity']) {
        const hit = await site.direct(target, { headers: { 'accept-encoding': client } });
        expect(hit).toBePageCacheHit();
        expect(hit.body.toString()).toBe(content);
      }
    }
  });
});

describe.each(PLATFORMS)('a coding by hand on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [CompressedController], logger: false });
  });
  afterAll(() => site?.stop());

  it('is undone', async () => {
    const target = '/by-hand';
    await site.get(target);
    expect(await site.log.outcome(target)).toBe('stored');
    const hit = await site.get(target, { headers: { 'accept-encoding': 'identity' } });
    expect(hit).toBePageCacheHit();
    expect(hit.body.toString()).toBe(LONG);
  });

  it.each([
    ['/damaged', 'content-encoding'],
    ['/cut-off', 'content-encoding'],
    ['/not-gzip', 'content-encoding'],
    ['/unknown', 'content-encoding'],
    ['/two-lines', 'content-encoding'],
    ['/bomb', 'size'],
  ])('%s is not stored: %s', async (target, reason) => {
    // fetch does not like these codings either.
    await site.get(target).catch(() => {});
    expect(await site.log.outcome(target)).toBe(reason);
    expect(await site.memcached.keys()).not.toContain(`page:${target}`);
  });
});
