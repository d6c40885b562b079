import type { INestApplication } from '@nestjs/common';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { type ApplicationSetup, startApplication } from './applications.js';
import { modulesDirectory } from './nginx-modules.js';
import { PageLog } from './page-log.js';
import { patient, visit, type Visit } from './visit.js';

/** An application with a memcached and an nginx of its own. */
export interface Site extends AsyncDisposable {
  readonly app: INestApplication;
  readonly log: PageLog;
  readonly memcached: MemcachedServer;
  readonly nginx: NginxServer;
  /** Where the application listens. */
  readonly address: string;
  /** Through nginx. */
  get(target: string, init?: RequestInit): Promise<Answer>;
  /** Without nginx. */
  direct(target: string, init?: RequestInit): Promise<Answer>;
  /** Through nginx, until it is known what became of the page. */
  visit(target: string, init?: RequestInit): Promise<Visit<Answer>>;
  /** The same, without nginx. */
  visitDirectly(target: string, init?: RequestInit): Promise<Visit<Answer>>;
  /** Visits pages until they are stored. */
  store(...targets: string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly code: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** The whole `Cache-Status` field. */
  readonly status: string;
}

/** @param isPatient whether nginx waits for memcached as long as it takes: not in a test about how long it waits */
export async function startSite(
  { options, providers = [], ...setup }: ApplicationSetup,
  nginxOptions: NginxCacheOptions = {},
  { isPatient = true }: { isPatient?: boolean } = {},
): Promise<Site> {
  const memcached = await MemcachedServer.start();
  const all: NginxCacheOptions = { hosts: 'any', store: memcachedStore({ servers: memcached.address }), ...options };
  const { app, address, url } = await startApplication({
    ...setup,
    options: all,
    providers: [PageLog, ...providers],
  });
  const { registerInterceptor: _, ...shared } = all as NginxCacheOptions & { registerInterceptor?: boolean };
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(
      { ...shared, ...nginxOptions },
      {
        app: address,
        listen: port,
        directory,
        modulesDirectory: modulesDirectory(all.nginx?.flavour),
      },
    );
    return isPatient ? patient(conf) : conf;
  });
  const log = app.get(PageLog);
  const get = (target: string, init?: RequestInit) => answer(nginx.url + target, init);
  const direct = (target: string, init?: RequestInit) => answer(url + target, init);
  const statusOf = ({ status }: Answer) => status;
  const stop = async () => {
    await app.close();
    await nginx.stop();
    await memcached.stop();
  };
  return {
    app,
    log,
    memcached,
    nginx,
    address,
    get,
    direct,
    visit: (target, init) => visit(log, target, () => get(target, init), statusOf),
    visitDirectly: (target, init) => visit(log, target, () => direct(target, init), statusOf),
    store: async (...targets) => {
      for (const target of targets) {
        const { outcome } = await visit(log, target, () => get(target), statusOf);
        if (outcome !== 'hit' && outcome !== 'stored') throw new Error(`${target} is not stored: ${outcome}`);
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A whole response; redirects are not followed. */
export async function answer(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const body = Buffer.from(await response.arrayBuffer());
  return { code: response.status, headers: response.headers, body, status: response.headers.get('cache-status') ?? '' };
}
