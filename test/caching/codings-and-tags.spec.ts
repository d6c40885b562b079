import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import compression from 'compression';
import { describe, expect, it } from 'vitest';
import { RawClient, type RawResponse } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { describeWholeResponses } from '../rfc/support/whole-responses.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { RoutedHits } from '../support/routed-hits.js';

const GZIP = { 'Accept-Encoding': 'gzip' };
const PARAGRAPH = '<p>a page that is worth compressing</p>';
const LONG = PARAGRAPH.repeat(100);
const SHORT = PARAGRAPH.repeat(10);

const coding = (response: RawResponse) => field(response, 'content-encoding');
const tag = (response: RawResponse) => field(response, 'etag');

/** Names and values that nginx, njs and others may read each in their own way. */
const ACCEPTED = [
  'gzip',
  'GZIP',
  'gzip;q=0',
  'gzip; q=0.000',
  'gzip;q=0.001',
  'gzip;q=1.000',
  'gzip;q=1.0001',
  'gzip;q=1.5',
  'gzip;q=0.',
  'gzip;q=1.',
  'gzip;q=',
  'gzip;x=1',
  'gzip;q=0.5;x=1',
  'gzip ; q=1',
  'gzip, gzip;q=0',
  'gzip;q=0, gzip',
  'gzip;q=0, *',
  'deflate, gzip',
  'deflate,gzip;q=0',
  'deflate;q=1,gzip',
  'deflate, gzip ',
  'x-gzip',
  'xgzip',
  'gzipx',
  'gzip/2',
  '"gzip"',
  'gzip\t',
  '\tgzip',
  'br',
  'br, gzip',
  '*',
  'identity',
];

describeWholeResponses('a strong ETag stands for the same bytes (RFC 9110, section 8.8.3.3)', (site) => {
  it("the application's own is weak where its page is stored in another coding", async () => {
    const target = site().answering({ ETag: '"v1"' }, LONG);
    const { first, second, outcome } = await site().twice(target);
    expect([outcome, site().isHit(second)]).toEqual(['stored', true]);
    expect([tag(first), coding(first)]).toEqual(['"v1"', undefined]);
    expect([tag(second), coding(second)]).toEqual(['W/"v1"', undefined]);
    const packed = await site().get(target, GZIP);
    expect([tag(packed), coding(packed)]).toEqual(['W/"v1"', 'gzip']);
    for (const known of ['"v1"', 'W/"v1"']) {
      expect((await site().get(target, { 'If-None-Match': known })).status).toBe(304);
    }
  });

  it("the application's own stays what it is where the page is stored as it was sent", async () => {
    const target = site().answering({ ETag: '"v1"' }, SHORT);
    for (const { first, second } of [await site().twice(target), await site().twice(target, GZIP)]) {
      expect(site().isHit(second)).toBe(true);
      for (const response of [first, second]) expect([tag(response), coding(response)]).toEqual(['"v1"', undefined]);
    }
  });

  it("a weak one of the application's own stays weak", async () => {
    const target = site().answering({ ETag: 'W/"v1"' }, LONG);
    const { second } = await site().twice(target, GZIP);
    expect([site().isHit(second), tag(second), coding(second)]).toEqual([true, 'W/"v1"', 'gzip']);
  });

  it.each(['no-transform', 'public, No-Transform, max-age=60'])('%s: it is stored as it is', async (cacheControl) => {
    const target = site().answering({ ETag: '"v1"', 'Cache-Control': cacheControl }, LONG);
    const { second } = await site().twice(target, GZIP);
    expect([site().isHit(second), tag(second), coding(second)]).toEqual([true, '"v1"', undefined]);
    expect(second.body.toString()).toBe(LONG);
  });

  it('one that the page cache has made is weak on what is not packed, however oddly the visitor asks', async () => {
    const target = site().answering({}, LONG);
    await site().twice(target);
    for (const accepted of [
      'gzip;',
      'gzip ;',
      'gzip;;q=0',
      'gzip; q =0',
      'gzip;q=-1',
      'gzip;q=01',
      ';gzip',
      'gzip gzip',
      '',
    ]) {
      const hit = await site().get(target, { 'Accept-Encoding': accepted });
      expect(site().isHit(hit)).toBe(true);
      if (coding(hit) !== 'gzip') expect(tag(hit), accepted).toMatch(/^W\//);
    }
  });

  it('one that the page cache has made is strong on what is packed, and weak on what is not', async () => {
    const target = site().answering({}, LONG);
    await site().twice(target);
    const seen: [accepted: string, coding: string | undefined, isStrong: boolean][] = [];
    for (const accepted of ACCEPTED) {
      const hit = await site().get(target, { 'Accept-Encoding': accepted });
      expect(site().isHit(hit)).toBe(true);
      seen.push([accepted, coding(hit), tag(hit)!.startsWith('"')]);
    }
    expect(seen).toEqual(seen.map(([accepted, one]) => [accepted, one, one === 'gzip']));
    expect(new Set(seen.map(([, one]) => one))).toEqual(new Set(['gzip', undefined]));
  });
});

@Controller()
class PagesController {
  private send(reply: ServerResponse, body: string, fields: Readonly<Record<string, string>> = {}): void {
    reply.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': body.length, ...fields }).end(body);
  }

  @Get('long')
  long(@Res() reply: ServerResponse) {
    this.send(reply, LONG);
  }

  @Get('short')
  short(@Res() reply: ServerResponse) {
    this.send(reply, SHORT);
  }

  @Get('own')
  own(@Res() reply: ServerResponse) {
    this.send(reply, SHORT, { ETag: '"own"' });
  }
}

describe('behind compression middleware on Express', () => {
  it.each([
    ['/long', false],
    ['/short', false],
    ['/short', true],
    ['/own', true],
  ])('a hit that is packed on its way has a weak ETag: %s, compress %s', async (target, compress) => {
    const { app, address } = await startApplication({
      platform: 'express',
      controllers: [PagesController],
      providers: [PageLog, RoutedHits],
      options: compress ? {} : { compress: false },
      prepare: (one) => void one.use(compression({ threshold: 0 })),
    });
    try {
      await using client = new RawClient(Number(address.split(':')[1]));
      const get = (accepted: string) =>
        client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${accepted}\r\n\r\n`);
      await get('identity');
      expect(await app.get(PageLog).outcome(target)).toBe('stored');

      const [plain, packed, brotli] = [await get('identity'), await get('gzip'), await get('br')];
      for (const hit of [plain, packed, brotli]) expect(field(hit, 'cache-status')).toContain('; hit');
      expect([plain, packed, brotli].map(coding)).toEqual([undefined, 'gzip', 'br']);
      expect(tag(plain)).toMatch(/^"/);
      expect(tag(packed)).toBe(`W/${tag(plain)}`);
      expect(tag(brotli)).toBe(`W/${tag(plain)}`);
    } finally {
      await app.close();
    }
  });

  it('a hit that is stored packed is the one with the strong ETag', async () => {
    const { app, address } = await startApplication({
      platform: 'express',
      controllers: [PagesController],
      providers: [PageLog],
      prepare: (one) => void one.use(compression({ threshold: 0 })),
    });
    try {
      await using client = new RawClient(Number(address.split(':')[1]));
      const get = (accepted: string) =>
        client.send(`GET /long HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${accepted}\r\n\r\n`);
      await get('identity');
      expect(await app.get(PageLog).outcome('/long')).toBe('stored');
      const [plain, packed] = [await get('identity'), await get('gzip')];
      expect([plain, packed].map(coding)).toEqual([undefined, 'gzip']);
      expect(tag(packed)).toMatch(/^"/);
      expect(tag(plain)).toBe(`W/${tag(packed)}`);
    } finally {
      await app.close();
    }
  });
});
