import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Header, Injectable, type INestApplication } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { memcachedStore, type NginxCacheOptions, PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { REASONS } from '../../../lib/reasons/reasons.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { startApplication } from '../../support/applications.js';
import { startFilesSite, temporaryRoot } from '../../support/files-site.js';
import { Gate } from '../../support/gate.js';
import { patientStore } from '../../support/patience.js';
import { startSite } from '../../support/site.js';
import { deploy, HTML, named, page, said, saidOf } from './support/said.js';

/** Root in a machine or a container that may mount. */
const canMount =
  process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

describe('of a deployment, why names', () => {
  it('store-down, while memcached is down', async () => {
    await using site = await startSite(page);
    await site.memcached.kill();
    expect(await saidOf('store-down', `${site.nginx.url}/page`, site.memcached)).toEqual(named('store-down'));
    const { text } = await said(`${site.nginx.url}/page`, site.memcached, true);
    expect(text).toMatch(/^\/page is not cached: store-down\n/);
    expect(text).toContain('stored      the store does not answer');
  });

  it.each<[reason: string, first: NginxCacheOptions, second: (own: string, other: string) => NginxCacheOptions]>([
    ['other-version', { version: '1' }, () => ({ version: '2' })],
    ['other-configuration', {}, () => ({ exclude: ['/other'] })],
    ['other-servers', {}, (own, other) => ({ store: memcachedStore({ servers: [own, other] }) })],
  ])('%s, while a process that was started later runs with it', async (reason, options, changed) => {
    await using other = await MemcachedServer.start();
    await using site = await startSite({ ...page, options });
    const url = `${site.nginx.url}/page`;
    await expect.poll(async () => (await said(url, site.memcached)).outcome).toBe('nginx hit');
    const later = await startApplication({
      ...page,
      options: {
        hosts: 'any',
        store: patientStore(site.memcached.address),
        ...changed(site.memcached.address, other.address),
      },
    });
    // The pages of the first one go, but for those that stay where they are by both lists.
    await site.memcached.send('delete page:/page');
    expect(await saidOf(reason, url, site.memcached)).toEqual(named(reason));
    await later.app.close();
  });

  it('nginx, where somebody has changed its configuration by hand', async () => {
    const edit = (conf: string) => conf.replace(/( *set \$page_cache_reason )".*";/, '$&\n$1"maintenance";');
    await using site = await deploy(page, { edit });
    expect(await saidOf('nginx', `${site.url}/page`, site.memcached)).toEqual(named('nginx'));
  });

  it('not-observed, where the application answers through a server of somebody else', async () => {
    let server: Server | undefined;
    const addressOf = async (app: INestApplication) => {
      server = createServer(app.getHttpAdapter().getInstance() as () => void).listen(0, '127.0.0.1');
      await once(server, 'listening');
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    await using site = await deploy(page, { addressOf });
    expect(await saidOf('not-observed', `${site.url}/page`, site.memcached)).toEqual(named('not-observed'));
    server?.close();
  });

  it('purges-unknown, while another program deletes everything in memcached again and again', async () => {
    const emptied: { memcached?: MemcachedServer } = {};
    // While a request is on its way to its handler: what was purged since it came in is lost.
    const prepare = (app: INestApplication) =>
      void app.use(async (_request: unknown, _response: unknown, next: () => void) => {
        await emptied.memcached?.send('flush_all');
        next();
      });
    await using site = await startSite({ ...page, prepare });
    emptied.memcached = site.memcached;
    expect(await saidOf('purges-unknown', `${site.nginx.url}/page`, site.memcached)).toEqual(named('purges-unknown'));
  });

  it.runIf(canMount)('purge-pending, while the disk is read-only and takes no purge', async () => {
    const root = temporaryRoot();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0755', 'tmpfs', root]);
    try {
      await using site = await startFilesSite(page, { root });
      execFileSync('mount', ['-o', 'remount,ro', root]);
      await expect(site.app.get(PageCacheService).purge('/page')).rejects.toThrow(PurgeIncompleteError);
      expect(await saidOf('purge-pending', `${site.nginx.url}/page`, `fileStore({ root: '${root}' })`)).toEqual(
        named('purge-pending'),
      );
      execFileSync('mount', ['-o', 'remount,rw', root]);
    } finally {
      execFileSync('umount', [root]);
      rmSync(root, { recursive: true });
    }
  });

  it('shutdown, when the application ends while it renders', async () => {
    const [rendering, closing] = [new Gate(), new Gate()];
    @Controller()
    class SlowController {
      @Get('page')
      @Header('content-type', HTML)
      async page() {
        await rendering.pass();
        return '<p>';
      }
    }
    @Injectable()
    class Closing {
      /** After all modules have closed what they have open, and before the server ends. */
      beforeApplicationShutdown() {
        void closing.pass();
      }
    }
    const site = await startSite({ ...page, controllers: [SlowController], providers: [Closing] });
    const asked = said(`${site.nginx.url}/page`, site.memcached);
    await rendering.reached;
    const stopped = site.app.close();
    await closing.reached;
    rendering.open();
    expect(await asked).toMatchObject({ isPage: false, outcome: 'shutdown', ...REASONS['shutdown'] });
    await stopped;
    await site.stop();
  });
});
