import type { INestApplication } from '@nestjs/common';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { type ApplicationSetup, startApplication } from './applications.js';
import { modulesDirectory } from './nginx-modules.js';
import { PageLog } from './page-log.js';
import { patient, patiently, patientStore } from './patience.js';

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
  stop(): Promise<void>;
}

export interface Answer {
  readonly code: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** The whole `Cache-Status` field. */
  readonly status: string;
}

/** @param isPatient whether a memcached that is late is waited for, or asked again: not in a test of what happens without it */
export async function startSite(
  { options, providers = [], ...setup }: ApplicationSetup,
  nginxOptions: NginxCacheOptions = {},
  { isPatient = true }: { isPatient?: boolean } = {},
): Promise<Site> {
  const memcached = await MemcachedServer.start();
  const store = isPatient ? patientStore(memcached.address) : memcachedStore({ servers: memcached.address });
  const all: NginxCacheOptions = { hosts: 'any', store, ...options };
  const { app, address, url } = await startApplication({
    ...setup,
    options: all,
    providers: [PageLog, ...providers],
    isPatient,
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
    return isPatient ? { ...conf, full: patient(conf.full) } : conf;
  });
  const ask = (page: string, init: RequestInit = {}) => {
    const once = () => answer(page, init);
    return isPatient && (init.method ?? 'GET') === 'GET' ? patiently(once, ({ status }) => status) : once();
  };
  const stop = async () => {
    await app.close();
    await nginx.stop();
    await memcached.stop();
  };
  return {
    app,
    log: app.get(PageLog),
    memcached,
    nginx,
    address,
    get: (target, init) => ask(nginx.url + target, init),
    direct: (target, init) => ask(url + target, init),
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
