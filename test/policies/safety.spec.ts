import { Controller, Get, Header, Injectable, Req, Res } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LISTENERS, OnPageCache, PageRendered, PageResponding, SAFETY_LISTENERS } from '../../lib/index.js';
import { PLATFORMS } from '../support/applications.js';
import { fate } from '../support/fate.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

interface Reply {
  header(name: string, value: string): Reply;
  send(body: string): void;
}

/** A list that has nothing to do with privacy, and would let everything in. */
@Injectable()
class Indifferent {
  @OnPageCache(PageResponding)
  responding(event: PageResponding): void {
    event.draft.ttl = 60_000;
  }

  @OnPageCache(PageRendered)
  rendered({ draft }: PageRendered): void {
    if (draft.address.path === '/throws') throw new Error('thrown');
  }
}

const FIELDS: Record<string, readonly [name: string, value: string]> = {
  'set-cookie': ['Set-Cookie', 'sid=1'],
  private: ['Cache-Control', 'private'],
  'no-store': ['Cache-Control', 'no-store'],
  vary: ['Vary', 'Cookie'],
  nonce: ['Content-Security-Policy', "script-src 'nonce-a'"],
  'csrf-token': ['X-CSRF-Token', 'a'],
  'allow-origin': ['Access-Control-Allow-Origin', 'https://evil.example'],
  'host-in-page': ['Link', '<//127.0.0.1/a.css>'],
  'location-host': ['Location', 'http://127.0.0.1/'],
};

@Controller()
class PagesController {
  @Get(['page', 'throws', 'Alias'])
  @Header('content-type', HTML)
  page() {
    return 'x';
  }

  @Get('user')
  @Header('content-type', HTML)
  user(@Req() request: object) {
    Object.assign(request, { user: { id: 7 } });
    return 'x';
  }

  @Get('field/:name')
  field(@Req() { params }: { params: { name: string } }, @Res() reply: Reply) {
    const [name, value] = FIELDS[params.name]!;
    reply.header('content-type', HTML).header(name, value).send('x');
  }
}

describe.each(PLATFORMS)('whatever the list of listeners, on %s', (platform) => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [PagesController],
      options: { listeners: [Indifferent], nginx: { flavour: 'srcache' } },
      logger: false,
    });
  });
  afterAll(() => site?.stop());

  it('pages are stored', async () => {
    expect(await fate(site, '/page')).toBe('stored');
  });

  it.each(Object.keys(FIELDS))('a page is kept out by: %s', async (reason) => {
    const headers = { origin: 'https://evil.example' };
    expect(await fate(site, `/field/${reason}`, headers)).toBe(reason);
  });

  it('so are those of visitors, aliases and other requests', async () => {
    const outcome = (target: string, headers = {}) => fate(site, target, headers, 'direct');
    expect(await outcome('/user')).toBe('user');
    expect(await outcome('/page', { cookie: 'sid=1' })).toBe('cookie');
    expect(await outcome('/page', { authorization: 'Basic eDp5' })).toBe('authorization');
    expect(await outcome('/page?other=1')).toBe('query');
    expect(await outcome('/alias')).toMatch(/^(?:alias|no-handler)$/);
    expect((await site.direct('/page', { method: 'HEAD' })).status).toContain('detail=method');
    expect((await site.direct('/page', { headers: { 'x-page-cache-key': 'page:/other' } })).status).toContain(
      'detail=key-drift',
    );
  });

  it('a page is kept out by a listener that throws', async () => {
    expect(await fate(site, '/throws')).toBe('listener-error');
  });

  it('the policies of safety are among the built-in ones', () => {
    expect(DEFAULT_LISTENERS).toEqual(expect.arrayContaining([...SAFETY_LISTENERS]));
  });
});
