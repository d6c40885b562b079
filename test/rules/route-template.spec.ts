import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inOwnLetters, templatePattern } from '../../lib/rules/route-template.js';
import { canonicalPath } from '../../lib/purging/purge-target.js';
import { RawClient, type RawResponse } from '../../lib/testing/index.js';
import { type Platform, startApplication } from '../support/applications.js';

/** What each route answers: pages, and aliases of pages that are answered but not stored. */
const ROUTES: Record<Platform, Record<string, { pages: string[]; aliases?: string[] }>> = {
  express: {
    'plain/About': { pages: ['/plain/About'], aliases: ['/plain/about', '/plain/About/', '/PLAIN/About'] },
    'id/:id': { pages: ['/id/1', '/id/k%C3%A4se', '/id/a;b', '/id/A'], aliases: ['/Id/1', '/id/1/', '/id/%61'] },
    'ext/:id.html': { pages: ['/ext/a.html', '/ext/a.b.html'], aliases: ['/ext/a.HTML'] },
    'two/:from-:to': { pages: ['/two/a-b', '/two/a-b-c'], aliases: ['/TWO/a-b'] },
    'opt{/:x}': { pages: ['/opt', '/opt/1'], aliases: ['/opt/', '/OPT', '/opt/1/'] },
    'maybe/{:lang/}about': { pages: ['/maybe/about', '/maybe/de/about'], aliases: ['/maybe/de/ABOUT'] },
    'files/*path': { pages: ['/files/a', '/files/a/b/c.txt'], aliases: ['/Files/a', '/files//a'] },
    'quoted/:"my id"': { pages: ['/quoted/1'], aliases: ['/QUOTED/1'] },
    'escaped/\\(a\\)\\:b': { pages: ['/escaped/(a):b'], aliases: ['/escaped/(A):b'] },
    'k%C3%A4se': { pages: ['/k%C3%A4se'], aliases: ['/K%C3%A4se'] },
  },
  fastify: {
    'plain/About': { pages: ['/plain/About'] },
    'id/:id': { pages: ['/id/1', '/id/k%C3%A4se', '/id/a;b', '/id/A'], aliases: ['/%69d/1', '/id/%61'] },
    'ext/:id.html': { pages: ['/ext/a.html'], aliases: ['/ext/a%2Ehtml'] },
    'two/:from-:to': { pages: ['/two/a-b', '/two/a-b-c'], aliases: ['/%74wo/a-b'] },
    'number/:n(^\\d+)': { pages: ['/number/12'], aliases: ['/number/%31'] },
    'files/*': { pages: ['/files/a', '/files/a/b/c.txt'], aliases: ['/files/%61', '/files//a'] },
    'colon::x': { pages: ['/colon:x'] },
    käse: { pages: ['/k%C3%A4se'], aliases: ['/k%c3%a4se'] },
  },
};

describe.each(['express', 'fastify'] as const)('the templates of %s, with its router', (platform) => {
  let app: INestApplication;
  let client: RawClient;

  beforeAll(async () => {
    const templates = Object.keys(ROUTES[platform]);
    @Controller()
    class TemplatesController {
      @Get(templates)
      @Header('content-type', 'text/html')
      answer() {
        return 'a page';
      }
    }
    const application = await startApplication({
      platform,
      controllers: [TemplatesController],
    });
    app = application.app;
    client = new RawClient(Number(application.address.split(':')[1]));
  });
  afterAll(async () => {
    client?.close();
    await app?.close();
  });

  const status = (response: RawResponse) => response.headers.find(([name]) => name === 'Cache-Status')?.[1];
  const get = async (target: string) => status(await client.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`));

  it.each(Object.entries(ROUTES[platform]))('%s', async (_, { pages, aliases = [] }) => {
    for (const target of aliases) expect(await get(target), target).toMatch(/detail=alias$/);
    for (const target of pages) expect(await get(target), target).toBe('nestjs-nginx-cache; fwd=miss; stored');
    for (const target of aliases) expect(await get(target), target).toMatch(/detail=alias$/);
  });

  it.each(Object.entries(ROUTES[platform]))(
    "%s: an alias leads to a page in the route's own letters",
    (template, { pages, aliases = [] }) => {
      for (const path of [...pages, ...aliases].filter((one) => !one.includes('//'))) {
        const bare = canonicalPath(path).replace(/\/$/, '');
        const own = inOwnLetters(`/${template}`, bare);
        if (pages.includes(path)) expect(own).toBe(path);
        expect([path, own]).toEqual([path, expect.stringMatching(templatePattern(`/${template}`))]);
        expect(own?.toLowerCase()).toBe(bare.toLowerCase());
      }
      expect(inOwnLetters(`/${template}`, '/elsewhere/altogether/-')).toBeUndefined();
    },
  );
});

// PARTS takes the slash before an optional parameter for text; and `/` is no path of `/:x?`.
describe('optional parameters of Fastify', () => {
  it.each([
    ['/opt/:x?', ['/opt', '/opt/1']],
    ['/:x?', ['/', '/1']],
  ])('%s', (template, paths) => {
    expect(paths.filter((path) => !templatePattern(template).test(path))).toEqual([]);
  });
});
