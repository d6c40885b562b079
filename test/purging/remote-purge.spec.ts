import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, type ExecutionContext, Get, Header } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageCache } from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';
import { pageCacheMatchers, RawClient } from '../../lib/testing/index.js';
import { PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

const HTML = 'text/html; charset=utf-8';
const TOKEN = 'correct-horse-battery';
const BYPASS = 'another-secret-of-ours';

const idOf = (context: ExecutionContext) => context.switchToHttp().getRequest<{ params: { id?: string } }>().params.id;

@Controller()
class RendersController {
  static renders = 0;

  @Get(['/', 'page', 'page/:id', 'outside'])
  @PageCache({ tags: (context) => [`page:${idOf(context)}`, 'a, b', 'käse'] })
  @Header('content-type', HTML)
  page() {
    return `render ${(RendersController.renders += 1)}`;
  }
}

const PREFIXES = [undefined, 'Site'];

describe.each(PLATFORMS.flatMap((platform) => PREFIXES.map((prefix) => ({ platform, prefix }))))(
  'over HTTP on $platform, prefix $prefix',
  ({ platform, prefix }) => {
    let site: Site;
    const path = prefix === undefined ? '/page' : `/${prefix}/page`;

    beforeAll(async () => {
      site = await startSite({
        platform,
        controllers: [RendersController],
        options: {
          remotePurge: { token: TOKEN, parameter: 'secret-purge' },
          bypassToken: BYPASS,
          query: { allow: ['p'] },
        },
        prepare: (app) => {
          if (prefix !== undefined) app.setGlobalPrefix(prefix, { exclude: ['/', 'outside'] });
          // As middleware against attacks does.
          app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
            if (['GET', 'HEAD'].includes(request.method ?? '')) return next();
            response.writeHead(405).end();
          });
        },
      });
    });
    afterAll(() => site?.stop());
    beforeEach(async () => {
      await site.memcached.flush();
    });

    const store = async (...targets: string[]) => {
      for (const target of targets) {
        site.log.forget();
        await site.get(target);
        expect(await site.log.outcome(target)).toBe('stored');
      }
    };
    /** A miss, and that its page is stored: what comes next must not meet it. */
    const expectMiss = async (target: string) => {
      site.log.forget();
      expect(await site.get(target)).toBePageCacheMiss();
      await site.log.outcome(target);
    };
    const send = async (port: number, method: string, target: string, ...fields: string[]) => {
      await using client = new RawClient(port);
      return client.send([`${method} ${target} HTTP/1.1`, 'Host: x', ...fields, '\r\n'].join('\r\n'));
    };
    const ports = () => [site.nginx.port, Number(site.address.split(':')[1])];

    it('PURGE with the token purges the page, with every query', async () => {
      for (const port of ports()) {
        for (const scheme of ['Bearer', 'bearer ', 'BEARER']) {
          await store(path, `${path}?p=1`, `${path}/1`);
          const answer = await send(port, 'PURGE', path, `Authorization: ${scheme} ${TOKEN}`);
          expect(answer.status).toBe(200);
          expect(JSON.parse(answer.body.toString())).toMatchObject({ purged: 2, targets: [path] });
          expect(answer.headers.map(([name]) => name.toLowerCase())).toContain('cache-control');
          await expectMiss(path);
          await expectMiss(`${path}?p=1`);
          expect(await site.get(`${path}/1`)).toBePageCacheHit();
          await site.memcached.flush();
        }
      }
    });

    it('PURGE takes subtrees, everything, and tags', async () => {
      const all = [...new Set(['/', path, `${path}?p=1`, `${path}/1`, `${path}/2`, '/outside'])];
      const left = async () =>
        (await site.memcached.keys()).flatMap((key) => /^page:(.*)$/.exec(key)?.[1] ?? []).sort();
      const without = (...gone: string[]) => all.filter((target) => !gone.includes(target)).sort();
      for (const port of ports()) {
        for (const [target, fields, targets, rest] of [
          [`${path}/*`, [], [`${path}/*`], without(path, `${path}?p=1`, `${path}/1`, `${path}/2`)],
          [`${path}/%2A`, [], [`${path}/*`], all.toSorted()],
          ['/*', [], ['/*'], []],
          ['/', ['Cache-Tag: page:1, page:3'], ['tag:page:1', 'tag:page:3'], without(`${path}/1`)],
          [
            '/',
            ['Cache-Tag: page:1', 'Cache-Tag: page:2'],
            ['tag:page:1', 'tag:page:2'],
            without(`${path}/1`, `${path}/2`),
          ],
          ['/', ['Cache-Tag: a%2C b'], ['tag:a, b'], []],
          ['/', [`Cache-Tag: ${Buffer.from('käse').toString('latin1')}`], ['tag:käse'], []],
        ] as const) {
          await store(...all);
          const answer = await send(port, 'PURGE', target, `Authorization: Bearer ${TOKEN}`, ...fields);
          expect(answer.status).toBe(200);
          const purged = all.length - rest.length;
          expect(JSON.parse(answer.body.toString())).toMatchObject({ purged, targets });
          expect(await left()).toEqual(rest);
          await site.memcached.flush();
        }
      }
    });

    it('a PURGE that names no tag is refused', async () => {
      for (const port of ports()) {
        await store(path);
        const answer = await send(port, 'PURGE', path, `Authorization: Bearer ${TOKEN}`, 'Cache-Tag: ,');
        expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('names no tag')]);
        expect(await site.get(path)).toBePageCacheHit();
        await site.memcached.flush();
      }
    });

    it('the parameter does, too', async () => {
      for (const port of ports()) {
        await store(path);
        const answer = await send(port, 'GET', `${path}?utm_source=x&secret-purge=${TOKEN}`);
        expect(answer.status).toBe(200);
        expect(JSON.parse(answer.body.toString())).toMatchObject({ purged: 1 });
        await expectMiss(path);
        await site.memcached.flush();
      }
    });

    it('what is outside of the global prefix can be purged as well', async () => {
      for (const port of ports()) {
        for (const outside of ['/outside', '/']) {
          await store(outside);
          const answer = await send(port, 'PURGE', outside, `Authorization: Bearer ${TOKEN}`);
          expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([200, { purged: 1 }]);
          await store(outside);
          const byParameter = await send(port, 'GET', `${outside}?secret-purge=${TOKEN}`);
          expect([byParameter.status, JSON.parse(byParameter.body.toString())]).toMatchObject([200, { purged: 1 }]);
        }
      }
    });

    it.each([
      ['PURGE', '', [], 401],
      ['PURGE', '', ['Authorization:'], 401],
      ['PURGE', '', ['Authorization: Bearer'], 401],
      ['PURGE', '', [`Authorization: Basic ${TOKEN}`], 401],
      ['PURGE', '', [`Authorization: ${TOKEN}`], 401],
      ['PURGE', '', [`Authorization: Bearer ${TOKEN} x`], 401],
      ['PURGE', '', [`Cookie: token=${TOKEN}`], 401],
      ['PURGE', '', ['Authorization: Bearer wrong'], 403],
      ['PURGE', '', [`Authorization: Bearer ${TOKEN}x`], 403],
      ['PURGE', '', [`Authorization: Bearer ${TOKEN.slice(1)}`], 403],
      ['PURGE', '', [`Authorization: Bearer ${TOKEN.toUpperCase()}`], 403],
      ['PURGE', `?secret-purge=${TOKEN}`, [], 401],
      ['PURGE', '', [`X-Page-Cache-Bypass: ${BYPASS}`], 401],
      ['GET', '?secret-purge=', [], 403],
      ['GET', '?secret-purge', [], 403],
      ['GET', '?secret-purge=wrong', [], 403],
      ['GET', `?secret-purge=wrong&secret-purge=${TOKEN}`, [], 403],
      ['GET', `?secret-purge=${TOKEN}%00`, [], 403],
      ['GET', `?Secret-Purge=${TOKEN}`, [], 200],
      ['GET', `?x=secret-purge&y=${TOKEN}`, [], 200],
      ['HEAD', `?secret-purge=${TOKEN}`, [], 200],
      ['GET', '', [`Authorization: Bearer ${TOKEN}`], 200],
    ])('%s with %s %j purges nothing', async (method, query, fields, status) => {
      await store(path);
      for (const port of ports()) {
        const answer = await send(port, method, path + query, ...fields);
        expect(answer.status).toBe(status);
        if (status === 401) expect(answer.headers.flat()).toContain('WWW-Authenticate');
        expect(answer.body.toString()).not.toContain(TOKEN);
      }
      expect(await site.get(path)).toBePageCacheHit();
    });

    it('the right bypass token shows the live page, and stores nothing', async () => {
      for (const port of ports()) {
        await send(port, 'GET', path, `X-Page-Cache-Bypass: ${BYPASS}`);
        expect(await site.memcached.keys().then((keys) => keys.filter((key) => key.startsWith('page:')))).toEqual([]);
      }
      await store(path);
      const cached = (await site.get(path)).body.toString();
      for (const port of ports()) {
        const live = await send(port, 'GET', path, `X-Page-Cache-Bypass: ${BYPASS}`);
        expect(live).toBypassPageCache('bypass-header');
        expect(live.body.toString()).toBe(`render ${RendersController.renders}`);
        for (const token of ['', 'wrong', `${BYPASS}x`, BYPASS.slice(1), BYPASS.toUpperCase(), TOKEN]) {
          const answer = await send(port, 'GET', path, `X-Page-Cache-Bypass: ${token}`);
          expect(answer).toBePageCacheHit();
          expect(answer.body.toString()).toBe(cached);
        }
      }
      expect((await site.get(path)).body.toString()).toBe(cached);
    });

    it('says 503 when memcached is away', async () => {
      await site.memcached.kill();
      const [port] = ports();
      const answer = await send(port!, 'PURGE', path, `Authorization: Bearer ${TOKEN}`);
      expect(answer.status).toBe(503);
      await site.memcached.restart();
      // Whatever is still pending.
      for (let code = 503; code === 503;) {
        code = (await send(port!, 'PURGE', path, `Authorization: Bearer ${TOKEN}`)).status;
      }
      for (let hit = false; !hit;) hit = (await site.get(path)).status === 'nginx; hit';
    });
  },
);

describe.each(PLATFORMS)('without remotePurge on %s', (platform) => {
  it('nobody purges', async () => {
    await using site = await startSite({ platform, controllers: [RendersController] });
    await site.get('/page');
    await site.log.outcome('/page');
    const answer = await site.get('/page', { method: 'PURGE', headers: { authorization: 'Bearer undefined' } });
    expect(answer.code).toBe(404);
    await site.get('/page?purge=undefined');
    expect(await site.get('/page')).toBePageCacheHit();
  });
});

it.each([
  [{ remotePurge: { token: TOKEN, parameter: 'p' }, query: { allow: ['p'] } }],
  [{ remotePurge: { token: TOKEN, parameter: 'utm_purge' } }],
  [{ remotePurge: { token: TOKEN, parameter: 'x1' }, query: { ignore: [/^x\d/] } }],
])('a parameter that nginx would not pass on is refused: %j', (options) => {
  expect(() => checkOptions(options)).toThrow(
    /remotePurge\.parameter: .* a name that is not in query\.allow or query\.ignore/,
  );
});
