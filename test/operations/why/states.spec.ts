import { execFileSync, spawnSync } from 'node:child_process';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Header,
  HttpException,
  Inject,
  Injectable,
  type INestApplication,
  Res,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { describe, expect, it, vi } from 'vitest';
import {
  memcachedStore,
  nginxConf,
  type NginxCacheOptions,
  OnPageCache,
  PageCacheService,
  pageFragment,
  PageFragment,
  PageRendered,
  PageResponding,
  PurgeIncompleteError,
} from '../../../lib/index.js';
import type { Why } from '../../../lib/operations/why/why.js';
import { REASONS } from '../../../lib/reasons/reasons.js';
import { MemcachedServer, NginxServer } from '../../../lib/testing/index.js';
import { directoryWith, runCommand } from '../../cli/support/run-command.js';
import { type ApplicationSetup, startApplication } from '../../support/applications.js';
import { startFilesSite, temporaryRoot } from '../../support/files-site.js';
import { Gate } from '../../support/gate.js';
import { patient, patientStore } from '../../support/patience.js';
import { raw } from '../../support/raw-response.js';
import { startSite } from '../../support/site.js';

/** Root in a machine or a container that may mount. */
const canMount =
  process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

const HTML = 'text/html; charset=utf-8';

/** What the command says, as an operator runs it: beside the application, with nothing but the configuration. */
async function said(
  url: string,
  store: MemcachedServer | string,
  text = false,
): Promise<Why & { readonly text: string }> {
  using directory = directoryWith({
    'nginx-cache.config.mjs': `import { fileStore, memcachedStore } from 'nestjs-nginx-cache';
      export default { store: ${typeof store === 'string' ? store : `memcachedStore({ servers: '${store.address}' })`} };`,
  });
  const run = (...args: string[]) => runCommand(['why', url, ...args], { cwd: directory.path });
  const { code, stdout } = await run('--json');
  const explained = JSON.parse(stdout) as Why;
  expect(code).toBe(explained.isPage ? 0 : 1);
  return { ...explained, text: text ? (await run()).stdout : '' };
}

/** What the command says as soon as it names the reason: on a busy machine, it has others for a moment. */
async function saidOf(reason: string, url: string, store: MemcachedServer | string) {
  const last = await vi.waitFor(
    async () => {
      const explained = await said(url, store);
      if (explained.outcome !== reason) throw new Error(`${explained.outcome} instead of ${reason}`);
      return explained;
    },
    { timeout: 30_000 },
  );
  const { isPage, outcome, why, cure } = last;
  return { isPage, outcome, why, cure };
}

function named(reason: string) {
  return { isPage: false, outcome: reason, ...REASONS[reason] };
}

@Controller()
class PageController {
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return '<p>';
  }
}

const page: ApplicationSetup = { platform: 'express', controllers: [PageController], logger: false };

interface Deployment extends AsyncDisposable {
  readonly memcached: MemcachedServer;
  readonly app: INestApplication;
  readonly url: string;
}

interface Peculiarities {
  /** Further arguments of memcached. */
  readonly args?: string[];
  /** Changes the configuration of nginx. */
  readonly edit?: (conf: string) => string;
  /** Where nginx finds the application. */
  readonly addressOf?: (app: INestApplication) => Promise<string>;
}

/** A site with something that `startSite()` does not have. */
async function deploy(
  { options, ...setup }: ApplicationSetup,
  { args = [], edit = (conf) => conf, addressOf }: Peculiarities,
): Promise<Deployment> {
  const memcached = await MemcachedServer.start({ args });
  const all: NginxCacheOptions = { hosts: 'any', store: patientStore(memcached.address), ...options };
  const { app, address } = await startApplication({ ...setup, options: all, isPatient: true });
  const behind = (await addressOf?.(app)) ?? address;
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(all, { app: behind, listen: port, directory });
    return { ...conf, full: edit(patient(conf.full)) };
  });
  return {
    memcached,
    app,
    url: nginx.url,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await nginx.stop();
      await memcached.stop();
    },
  };
}

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
    await expect.poll(async () => (await said(url, site.memcached)).outcome, { timeout: 30_000 }).toBe('nginx hit');
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

/** Turns every error into a page. */
@Catch()
class ErrorPage implements ExceptionFilter {
  catch(_: Error, host: ArgumentsHost) {
    const response = raw(host.switchToHttp().getResponse<ServerResponse>());
    if (!response.headersSent) response.writeHead(200, { 'content-type': HTML });
    response.end('<h1>Sorry</h1>');
  }
}

const RANDOM = randomBytes(800_000).toString('base64');

@Controller()
class FaultyController {
  constructor(@Inject(PageCacheService) private readonly pages: PageCacheService) {}

  @Get('thrown')
  thrown() {
    throw new HttpException('broken', 500);
  }

  @Get('listened')
  @Header('content-type', HTML)
  listened() {
    return '<p>';
  }

  @Get('counted')
  @Header('content-type', HTML)
  async counted() {
    await this.pages.purge('/counted');
    return '<p>';
  }

  @Get('late/exception')
  late(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('<h1>half a ');
    throw new Error('broken');
  }

  @Get('late/listener')
  @Header('content-type', HTML)
  lateListener() {
    return '<p>';
  }

  @Get('late/size')
  lateSize(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML });
    response.write('x'.repeat(1_500_000));
    response.end('x'.repeat(1_500_000));
  }

  @Get('late/fragment')
  @Header('content-type', HTML)
  fragment() {
    return `<html><body>${pageFragment('bar')}</body></html>`;
  }

  /** More than an item of this memcached may have. */
  @Get('late/store')
  @Header('content-type', HTML)
  large() {
    return RANDOM;
  }

  @PageFragment('bar')
  bar() {
    return '<b>bar</b>';
  }

  @Get('late/truncated')
  truncated(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.writeHead(200, { 'content-type': HTML, 'content-length': '100' });
    response.write('<h1>half');
    response.end('</h1>');
  }
}

@Injectable()
class BrokenListener {
  @OnPageCache(PageResponding)
  onResponding({ draft }: PageResponding): void {
    if (draft.address.path === '/listened') throw new Error('broken');
  }

  @OnPageCache(PageRendered)
  onRendered({ draft }: PageRendered): void {
    if (draft.address.path === '/late/listener') throw new Error('broken');
  }
}

describe('of an application with faults, why', () => {
  const faulty = () =>
    deploy(
      {
        platform: 'express',
        logger: false,
        controllers: [FaultyController],
        providers: [BrokenListener, { provide: APP_FILTER, useClass: ErrorPage }],
        options: { maxPageBytes: 2_000_000, fragments: ['/assembled'] },
      },
      { args: ['-I', '512k'] },
    );

  it('names what is known when the head is sent', async () => {
    await using site = await faulty();
    expect(await saidOf('exception', `${site.url}/thrown`, site.memcached)).toEqual(named('exception'));
    expect(await saidOf('listener-error', `${site.url}/listened`, site.memcached)).toEqual(named('listener-error'));
    // It asks six times: it may have been a purge by chance.
    expect(await saidOf('purged', `${site.url}/counted`, site.memcached)).toEqual(named('purged'));
  });

  it('says of the rest who names it, and publish does', async () => {
    await using site = await faulty();
    const LATE = {
      '/late/exception': 'exception',
      '/late/listener': 'listener-error',
      '/late/size': 'size',
      '/late/fragment': 'fragment',
      '/late/store': 'store-failed',
      '/late/truncated': 'truncated',
    };
    for (const [target, reason] of Object.entries(LATE)) {
      await expect
        .poll(async () => (await said(site.url + target, site.memcached)).cure, { timeout: 30_000 })
        .toContain(`publish --module FILE '${target}' names it`);
      const { skipped, failed } = await site.app.get(PageCacheService).publishMany([target]);
      expect({ target, reason: [...skipped, ...failed][0]?.reason }).toEqual({ target, reason });
    }
  });

  it('says so when nginx has no answer of it', async () => {
    const { app, memcached, url, [Symbol.asyncDispose]: stop } = await faulty();
    await app.close();
    expect(await said(`${url}/listened`, memcached)).toMatchObject({
      isPage: false,
      why: 'nginx gets no answer from the application (502)',
    });
    await stop();
  });
});
