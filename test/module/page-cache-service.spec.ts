import { Controller, Get, Header } from '@nestjs/common';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { memoryStore, PageCacheService, type PageStoreDefinition } from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { startSite } from '../support/site.js';

@Controller()
class EverythingController {
  @Get(['/', ':a', ':a/:b'])
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page '.repeat(1000);
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

it.each(PLATFORMS)('get(), has(), keysFor() and pages() on %s', async (platform) => {
  await using site = await startSite({
    platform,
    controllers: [EverythingController],
    options: { query: { allow: ['page'] }, prefix: 'blog:' },
  });
  const pages = site.app.get(PageCacheService);
  const targets = ['/', '/blog', '/blog/gr%C3%B6%C3%9Fe', '/blogger', '/blog?page=2'];
  for (const target of targets) {
    await site.get(target);
    expect(await site.log.outcome(target)).toBe('stored');
  }
  const page = await pages.get('/blog/größe');
  expect(page).toMatchObject({ status: 200, contentEncoding: 'gzip' });
  expect(gunzipSync(page!.body).toString()).toBe('page '.repeat(1000));
  expect(await pages.get('/nothing')).toBeUndefined();
  expect(await pages.has('/blog?page=2')).toBe(true);
  expect(await pages.has('/blog?page=3')).toBe(false);

  // The strings that nginx looks up are those that the server has.
  const keys = targets.flatMap((target) => pages.keysFor(target));
  expect(keys.sort()).toEqual((await site.memcached.keys()).sort());
  expect(pages.keysFor('/blog/größe')).toEqual(['blog:/blog/gr%25C3%25B6%25C3%259Fe']);
  expect(pages.keysFor('/%62log?page=2&utm_source=x')).toEqual(['blog:/blog?page=2']);

  await site.memcached.send('set blogs:/x 0 0 1\r\nx');
  const listed = await all(pages.pages());
  expect(listed.map(({ target }) => target).sort()).toEqual([...targets].sort());
  expect(listed).toContainEqual(
    expect.objectContaining({ key: 'blog:/blog?page=2', path: '/blog', target: '/blog?page=2', host: undefined }),
  );
  const paths = async (filter: Parameters<typeof pages.pages>[0]) =>
    (await all(pages.pages(filter))).map(({ target }) => target).sort();
  expect(await paths({ under: '/blog' })).toEqual(['/blog', '/blog/gr%C3%B6%C3%9Fe', '/blog?page=2']);
  expect(await paths({ matching: /page=/g })).toEqual(['/blog?page=2']);
  expect(await paths({ under: '/blog', matching: /%C3/ })).toEqual(['/blog/gr%C3%B6%C3%9Fe']);
  await expect(all(pages.pages({ matching: 'x' as never }))).rejects.toThrow(TypeError);
});

it('with trailingSlash: allow, each form is a page of its own', async () => {
  const { app, url } = await startApplication({
    platform: 'express',
    controllers: [EverythingController],
    providers: [PageLog],
    options: { trailingSlash: 'allow' },
  });
  const pages = app.get(PageCacheService);
  await fetch(`${url}/about/`);
  expect(await app.get(PageLog).outcome('/about/')).toBe('stored');
  expect([await pages.has('/about/'), await pages.has('/about')]).toEqual([true, false]);
  expect((await pages.get('/about/'))?.status).toBe(200);
  expect(pages.keysFor('/about/')).toEqual(['page:/about', 'page:/about/']);
  await app.close();
});

it('a store that cannot list says so', async () => {
  const listless: PageStoreDefinition = {
    kind: 'listless',
    open: (context) => {
      const { keys: _keys, keysToPurge: _keysToPurge, tagged: _tagged, ...others } = memoryStore().open(context);
      return others;
    },
  };
  const { app } = await startApplication({ platform: 'express', options: { store: listless } });
  const pages = app.get(PageCacheService);
  expect(await pages.purge('/')).toMatchObject({ purged: 0 });
  await expect(all(pages.pages())).rejects.toThrow(/^This store cannot list its pages/);
  const failure: unknown = await pages.purgeUnder('/').catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'PurgeIncompleteError', pending: ['/*'], isRetried: false });
  expect(String(failure)).toMatch(
    /^PurgeIncompleteError: Not purged: \/\* \(.*purge them by path.*\)\. It is not tried again\.$/,
  );
  // What it can do is done.
  await expect(pages.purge('/a', '/a/*')).rejects.toMatchObject({ pending: ['/a/*'] });
  await app.close();
});
