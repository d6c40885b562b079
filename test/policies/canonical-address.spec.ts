import { Controller, Get, Header, Param } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { patientlyRaw } from '../support/patience.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';

@Controller()
class AddressesController {
  @Get('about')
  @Header('content-type', HTML)
  about() {
    return 'about';
  }

  @Get(['straße/über uns', 'stra%C3%9Fe/%C3%BCber%20uns'])
  @Header('content-type', HTML)
  umlauts() {
    return 'umlauts';
  }

  @Get('posts/:id/Comments')
  @Header('content-type', HTML)
  comments(@Param('id') id: string) {
    return `comments of ${id}`;
  }

  @Get('tags/:tag')
  @Header('content-type', HTML)
  tag(@Param('tag') tag: string) {
    return `tag ${tag}`;
  }
}

describe.each(PLATFORMS)('addresses on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({ platform, controllers: [AddressesController], options: { query: { allow: ['page'] } } });
  });
  afterAll(() => site?.stop());
  beforeEach(async () => {
    await site.memcached.flush();
    site.log.forget();
  });

  const ask = async (port: number, target: string) => {
    await using client = new RawClient(port);
    const request = `GET ${target} HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: identity\r\n\r\n`;
    return patientlyRaw(() => client.send(request));
  };

  it.each([
    '/About',
    '/ABOUT',
    '/about/',
    '//about',
    '/%61bout',
    '/about?',
    '/about?utm_source=x',
    '/about?page=1&utm_source=x',
    '/about?utm_source=x&page=1',
    '/./about',
    '/x/../about',
    '/about#x',
    '/about;x',
    '/posts/1/comments',
    '/Posts/1/Comments',
    '/posts/1/Comments/',
    '/posts/%31/Comments',
    '/tags/a%2fb',
    '/tags/a%2Fb',
    '/tags/%c3%a4',
    '/tags/%C3%A4/',
    '/tags/\xc3\xa4',
    '/tags/a%20b%7e',
    '/stra%c3%9fe/%C3%BCber%20uns',
    '/stra%C3%9Fe/%C3%9Cber%20uns',
  ])('%s is answered, but stored under no key', async (target) => {
    for (const port of [site.nginx.port, Number(site.address.split(':')[1])]) {
      const { headers } = await ask(port, target);
      const status = headers.filter(([name]) => /^cache-status$/i.test(name)).map(([, value]) => value);
      // Where nginx answers itself (400), nobody else has a say.
      expect(status.join()).not.toContain('stored');
    }
    expect(await site.memcached.keys()).toEqual([]);
    expect([...site.log.outcomes.values()]).not.toContain('stored');
  });

  it.each([
    ['/about', 'about'],
    ['/about?page=2', 'about'],
    ['/stra%C3%9Fe/%C3%BCber%20uns', 'umlauts'],
    ['/posts/1/Comments', 'comments of 1'],
    ['/posts/a%20b/Comments', 'comments of a b'],
    ['/tags/%C3%A4%20%F0%9F%98%80', 'tag ä 😀'],
    ['/tags/100%25', 'tag 100%'],
    ['/tags/a+b', 'tag a+b'],
    ["/tags/!$&'()*+,-.:=@_~", "tag !$&'()*+,-.:=@_~"],
  ])('%s is stored under just this', async (target, content) => {
    const miss = await ask(site.nginx.port, target);
    expect(miss.body.toString()).toBe(content);
    expect(await site.log.outcome(target)).toBe('stored');
    expect(await site.memcached.keys()).toEqual([`page:${target.replace(/%/g, '%25')}`]);
    const hit = await ask(site.nginx.port, target);
    expect(hit).toBePageCacheHit();
    expect(hit.body.toString()).toBe(content);
  });

  it('the absolute form of a target is the same address for nginx, and none for the application', async () => {
    await ask(Number(site.address.split(':')[1]), 'http://example.com/about');
    expect(await site.memcached.keys()).toEqual([]);
    await ask(site.nginx.port, 'http://example.com/about');
    await site.log.outcome('/about');
    expect(await site.memcached.keys()).toEqual(['page:/about']);
  });

  it('an alias is served from the page of its address where only marks of a campaign are added', async () => {
    await site.get('/about');
    await site.log.outcome('/about');
    expect(await site.get('/about?utm_source=x')).toBePageCacheHit();
    expect(await site.get('/about?')).toBePageCacheHit();
    for (const other of ['/About', '/about/', '/%61bout']) {
      expect(await site.get(other)).not.toBePageCacheHit();
      expect(await site.direct(other)).not.toBePageCacheHit();
    }
  });
});

describe('with a router of Fastify that forgives', () => {
  it('aliases are answered, not stored', async () => {
    await using site = await startSite({
      platform: 'fastify',
      controllers: [AddressesController],
      fastify: { routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true } },
    });
    for (const target of ['/About', '/about/', '//about', '/%61bout', '/POSTS/1/Comments']) {
      const response = await site.direct(target);
      expect(response.code).toBe(200);
      expect(response.status).not.toContain('stored');
    }
    expect(await site.memcached.keys()).toEqual([]);
    await site.get('/about');
    expect(await site.log.outcome('/about')).toBe('stored');
  });
});

describe.each(PLATFORMS)('with a global prefix on %s', (platform) => {
  it('the prefix is part of the address', async () => {
    await using site = await startSite({
      platform,
      controllers: [AddressesController],
      prepare: (app) => {
        app.setGlobalPrefix('Site');
      },
    });
    await site.get('/Site/about');
    expect(await site.log.outcome('/Site/about')).toBe('stored');
    if (platform === 'express') {
      await site.get('/site/about');
      expect(await site.log.outcome('/site/about')).toBe('alias');
    }
  });
});
