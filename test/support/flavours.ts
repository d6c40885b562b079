import { rmSync } from 'node:fs';
import type { INestApplication } from '@nestjs/common';
import {
  fileStore,
  memcachedStore,
  memoryStore,
  nginxConf,
  type NginxCacheOptions,
  type NginxFlavour,
} from '../../lib/index.js';
import { MemcachedServer, NginxServer, RawClient, type RawResponse } from '../../lib/testing/index.js';
import { type ApplicationSetup, type Platform, startApplication } from './applications.js';

import { temporaryRoot } from './files-site.js';
import { FlavourPagesController } from './flavour-pages.controller.js';
import { modulesDirectory } from './nginx-modules.js';
import { PageLog } from './page-log.js';
import { PagesController } from './pages.controller.js';
import { patient, patientlyRaw, patientStore } from './patience.js';

/** One way to serve pages, and what of them it keeps. */
export interface FlavourUnderTest {
  readonly name: string;
  /** `undefined`: the application serves its pages itself. */
  readonly flavour: NginxFlavour | undefined;
  /** All header fields, the content type among them; where not, pages with others are not stored. */
  readonly keepsFields: boolean;
  /** `ETag` and `Last-Modified` of the application, with which it answers conditional requests. */
  readonly validates: boolean;
  readonly statuses: readonly number[];
}

const WHOLE = { keepsFields: true, validates: true, statuses: [200, 301, 308, 404, 410] };

export const FLAVOURS: readonly FlavourUnderTest[] = [
  { name: 'memcached', flavour: 'memcached', keepsFields: false, validates: false, statuses: [200] },
  { name: 'srcache', flavour: 'srcache', ...WHOLE },
  { name: 'njs', flavour: 'njs', ...WHOLE },
  { name: 'files', flavour: 'files', keepsFields: false, validates: false, statuses: [200] },
  { name: 'memory, served by the application', flavour: undefined, ...WHOLE },
];

/** An application with whatever stands in front of it. */
export interface FlavourSite extends AsyncDisposable {
  readonly app: INestApplication;
  readonly log: PageLog;
  readonly memcached: MemcachedServer;
  readonly nginx: NginxServer | undefined;
  /** The directory of the pages, with the flavour `files`. */
  readonly root: string;
  /** What the `Host` field says. */
  readonly host: string;
  /** What a hit says. */
  readonly hit: string;
  /** Through nginx, where there is one. */
  get(target: string, fields?: Readonly<Record<string, string>>, method?: string): Promise<RawResponse>;
  /** From the application, past every cache. */
  direct(target: string): Promise<RawResponse>;
  /** Asks for a page that is not stored, and again when it is known what became of it. */
  twice(target: string, fields?: Readonly<Record<string, string>>): Promise<Twice>;
}

export interface Twice {
  readonly first: RawResponse;
  readonly second: RawResponse;
  /** `stored`, or why not. */
  readonly outcome: string;
}

interface FlavourParts extends Pick<ApplicationSetup, 'controllers' | 'providers' | 'prepare'> {
  /** Whether a memcached that is late is waited for, or asked again: not in a test of what happens without it. */
  readonly isPatient?: boolean;
  /** The locations of the pages in nginx. */
  readonly location?: readonly string[];
  /** The site's own lines, for `http {}` and for `server {}`. */
  readonly own?: { readonly http?: string; readonly server?: string };
}

/** Shows what the application answers without the cache. */
const BYPASS_TOKEN = 'past-the-cache-1234';

export async function startFlavour(
  { flavour, statuses }: FlavourUnderTest,
  platform: Platform = 'express',
  more: NginxCacheOptions = {},
  { controllers = [], providers = [], prepare, isPatient = true, location = ['/'], own }: FlavourParts = {},
): Promise<FlavourSite> {
  const modules = modulesDirectory(flavour);
  const memcached = await MemcachedServer.start();
  const root = temporaryRoot();
  const { address: server } = memcached;
  const shared = () => (isPatient ? patientStore(server) : memcachedStore({ servers: server }));
  const memcachedOrMemory = flavour ? shared() : memoryStore();
  const options: NginxCacheOptions = {
    store: flavour === 'files' ? fileStore({ root }) : memcachedOrMemory,
    ...(flavour && { nginx: { flavour } }),
    hosts: 'any',
    query: { allow: ['page'] },
    statuses,
    bypassToken: BYPASS_TOKEN,
    ...more,
  };
  const { app, address } = await startApplication({
    platform,
    options,
    controllers: [PagesController, FlavourPagesController, ...controllers],
    providers: [PageLog, ...providers],
    ...(prepare && { prepare }),
    isPatient,
  });
  const nginx =
    flavour &&
    (await NginxServer.start(({ port, directory }) => {
      const place = { app: address, listen: port, directory, modulesDirectory: modules, location };
      const conf = nginxConf(options, place);
      const full = withOwn(conf.full, own);
      return { ...conf, full: isPatient ? patient(full) : full };
    }));
  const log = app.get(PageLog);
  const appPort = Number(address.split(':')[1]);
  const front = new RawClient(nginx?.port ?? appPort);
  const back = new RawClient(appPort);
  const get: FlavourSite['get'] = (target, fields = {}, method = 'GET') => {
    const ask = () => front.send(request(method, target, { Host: address, ...fields }));
    return isPatient && method === 'GET' ? patientlyRaw(ask) : ask();
  };
  return {
    app,
    log,
    memcached,
    nginx,
    root,
    host: address,
    hit: nginx ? 'nginx; hit' : 'nestjs-nginx-cache; hit',
    get,
    direct: (target) => back.send(request('GET', target, { Host: address, 'X-Page-Cache-Bypass': BYPASS_TOKEN })),
    twice: async (target, fields) => {
      log.outcomes.delete(target);
      const first = await get(target, fields);
      // The application may say something of its own; and srcache drops the field beside a very long one.
      const status = first.headers.find(([, value]) => /^(?:nestjs-nginx-cache|nginx);/.test(value))?.[1];
      const outcome = status === undefined || status.includes('fwd=miss') ? await log.outcome(target) : status;
      return { first, outcome, second: await get(target, fields) };
    },
    [Symbol.asyncDispose]: async () => {
      front.close();
      back.close();
      await app.close();
      await nginx?.stop();
      await memcached.stop();
      rmSync(root, { recursive: true });
    },
  };
}

function withOwn(full: string, { http = '', server = '' }: FlavourParts['own'] = {}): string {
  return full
    .replace(/^http \{$/m, (line) => `${line}\n${http}`)
    .replace(/^ *server_name .*$/m, (line) => `${line}\n${server}`);
}

function request(method: string, target: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
