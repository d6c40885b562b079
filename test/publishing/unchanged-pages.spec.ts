import { readdirSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, type INestApplication, Res, StreamableFile } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { startFilesSite } from '../support/files-site.js';
import { patientStore } from '../support/patience.js';
import { raw } from '../support/raw-response.js';

const HTML = 'text/html; charset=utf-8';

@Controller()
class PagesController {
  static text = '';

  /** In pieces: nobody knows all of it when the header leaves. */
  @Get('pieces')
  @Header('content-type', HTML)
  pieces() {
    return new StreamableFile(Readable.from([Buffer.from('<p>'), Buffer.from(PagesController.text)]), { type: HTML });
  }

  @Get('page')
  @Header('content-type', HTML)
  page() {
    return PagesController.text;
  }

  @Get('own')
  own(@Res() reply: ServerResponse) {
    const tag = `"${PagesController.text.length}-${process.hrtime.bigint()}"`;
    const response = raw(reply);
    response.setHeader('content-type', HTML);
    response.setHeader('etag', tag);
    response.end(PagesController.text);
  }
}

beforeEach(() => {
  PagesController.text = 'some text '.repeat(200);
});

/** Until the clock shows another second: dates are whole ones. */
const nextSecond = () => delay(1001 - (Date.now() % 1000));

describe.each(['memory', 'njs'])('a page that is rendered again and comes out unchanged, %s', (kind) => {
  let memcached: MemcachedServer;
  const apps: INestApplication[] = [];
  let pages: PageCacheService;
  let another: PageCacheService;
  beforeEach(async () => {
    memcached = await MemcachedServer.start();
    const store = kind === 'memory' ? memoryStore() : patientStore(memcached.address);
    const options: NginxCacheOptions = { store, ...(kind === 'njs' && { nginx: { flavour: 'njs' } }) };
    const start = async () => {
      const parts = { controllers: [PagesController], options, isPatient: true };
      const { app } = await startApplication({ platform: 'fastify', ...parts });
      apps.push(app);
      return app.get(PageCacheService);
    };
    pages = await start();
    another = kind === 'memory' ? pages : await start();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    await memcached?.stop();
  });

  const validators = async (path: string) => {
    const page = await pages.get(path);
    const of = (wanted: string) => page?.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
    return { etag: of('etag'), modified: of('last-modified'), date: of('date') };
  };
  const refreshed = async (by: PageCacheService, path: string) => {
    // Late memcached: nothing is stored, and what was there stays.
    await expect.poll(async () => (await by.refresh(path)).published).toEqual([path]);
    return validators(path);
  };
  const published = async (path: string) => {
    await expect.poll(async () => (await pages.publish(path)).published).toEqual([path]);
    return validators(path);
  };

  it.each(['/page', '/pieces'])('keeps its ETag and Last-Modified, whoever renders it: %s', async (path) => {
    const before = await published(path);
    expect(before.etag).toMatch(/"/);
    expect(before.modified).toBeDefined();
    await nextSecond();
    for (const by of [pages, another]) {
      const { etag, modified, date } = await refreshed(by, path);
      expect([etag, modified]).toEqual([before.etag, before.modified]);
      // Its age counts anew.
      expect(Date.parse(date!)).toBeGreaterThan(Date.parse(before.date!));
    }
    PagesController.text += 'more';
    const after = await refreshed(another, path);
    expect(after.etag).not.toBe(before.etag);
    expect(after.modified).not.toBe(before.modified);
  });

  it('has the ETag that the application gives it', async () => {
    const before = await published('/own');
    const after = await refreshed(pages, '/own');
    expect(after.etag).not.toBe(before.etag);
  });
});

it.each([0, 600_000])('in files it stays the same file, with a ttl of %d', async (ttl) => {
  await using site = await startFilesSite({
    platform: 'express',
    controllers: [PagesController],
    options: { ttl, staleIfError: 60_000 },
  });
  const pages = site.app.get(PageCacheService);
  const directory = join(site.root, 'page:#/pages/page#');
  const versions = () => readdirSync(directory).filter((name) => /^\d/.test(name));
  const form = (coding = '') => {
    const status = statSync(join(directory, versions()[0]!, `page${coding}`));
    return { file: status.ino, modified: status.mtimeMs, isRead: status.atimeMs > 0, names: status.nlink };
  };
  await pages.publish('/page');
  const [name] = versions();
  const [plain, packed] = [form(), form('.gz')];
  const before = await site.get('/page');
  expect(before.status).toContain('nginx; hit');
  expect(form('.gz').isRead).toBe(true);
  await nextSecond();
  await pages.refresh('/page');
  expect(versions()).not.toContain(name);
  // Nobody has read it since.
  expect([form(), form('.gz')]).toEqual([plain, packed]);
  const headers = { 'If-None-Match': before.headers.get('etag')! };
  expect((await site.get('/page', { headers })).code).toBe(304);
  PagesController.text += 'more';
  await pages.refresh('/page');
  expect(form().file).not.toBe(plain.file);
  const after = await site.get('/page', { headers });
  expect([after.code, after.body.toString()]).toEqual([200, PagesController.text]);
});
