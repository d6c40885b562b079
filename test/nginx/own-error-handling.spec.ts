import { Controller, Get, Header, Inject, Param, ServiceUnavailableException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { patient } from '../support/patience.js';
import { answer } from '../support/site.js';

/** What an application does at the moment. */
class State {
  isBusy = false;
  busy = 0;
}

@Controller()
class PagesController {
  constructor(@Inject(State) private readonly state: State) {}

  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('id') id: string) {
    if (!this.state.isBusy) return `page ${id}`;
    this.state.busy += 1;
    throw new ServiceUnavailableException();
  }
}

/** The site's own lines. */
const SERVER = `
  proxy_next_upstream error timeout http_503;
  error_page 502 504 /down.html;
  error_page 404 /missing.html;
  location = /down.html { internal; default_type text/html; return 200 "the site is down"; }
  location = /missing.html { internal; default_type text/html; return 200 "the site has no such page"; }
  location = /own { return 404; }
`;

describe('with staleIfError', () => {
  it("the site's own proxy_next_upstream and error_page go on working", async () => {
    const memcached = await MemcachedServer.start();
    const options: NginxCacheOptions = {
      hosts: 'any',
      store: memcachedStore({ servers: memcached.address }),
      ttl: 1000,
      staleIfError: 600_000,
    };
    const setup = { platform: 'express' as const, controllers: [PagesController], providers: [State], options };
    const apps = [
      await startApplication({ ...setup, logger: false }),
      await startApplication({ ...setup, logger: false }),
    ];
    const nginx = await NginxServer.start(({ port, directory }) => {
      const conf = nginxConf(options, { app: apps.map(({ address }) => address), listen: port, directory });
      return { ...conf, full: patient(conf.full).replace(/^ *server_name .*$/m, (line) => `${line}\n${SERVER}`) };
    });
    const get = async (path: string) => {
      const { code, body, status } = await answer(nginx.url + path);
      return { code, text: body.toString(), status };
    };
    try {
      const [busy, other] = apps as [(typeof apps)[0], (typeof apps)[0]];
      const pages = other.app.get(PageCacheService);
      // A page that has ended, and of which there is a copy.
      await expect.poll(async () => (await pages.publish('/pages/copied')).published).toEqual(['/pages/copied']);
      await expect.poll(() => pages.has('/pages/copied')).toBe(false);

      // One process is busy, and there is no copy: nginx asks the other one, since the site says so.
      const state = busy.app.get(State);
      state.isBusy = true;
      let asked = 0;
      while (state.busy === 0) {
        const page = await get(`/pages/${(asked += 1)}`);
        expect(page).toMatchObject({ code: 200, text: `page ${asked}` });
      }

      // One process has gone: nginx asks the other one before it looks for a copy.
      await busy.app.close();
      for (let id = 0; id < 4; id += 1) {
        expect(await get(`/pages/other-${id}`)).toMatchObject({ code: 200, text: `page other-${id}` });
      }
      const rendered = await get('/pages/copied');
      expect(rendered).toMatchObject({ code: 200, text: 'page copied' });
      expect(rendered.status).not.toContain('stale');

      // Nobody is there: the page is a hit until it expires, and then there is its copy.
      await other.app.close();
      await expect
        .poll(() => get('/pages/copied'))
        .toMatchObject({
          code: 200,
          text: 'page copied',
          status: 'nginx; fwd=stale; fwd-status=502; detail=stale-if-error',
        });
      expect(await get('/pages/none')).toMatchObject({ code: 502, text: 'the site is down' });
      expect(await get('/own')).toMatchObject({ code: 404, text: 'the site has no such page' });
    } finally {
      for (const { app } of apps) await app.close();
      await nginx.stop();
      await memcached.stop();
    }
  });
});
