import type { INestApplication } from '@nestjs/common';
import { memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { ConsistentHash } from '../../lib/stores/memcached/ring/consistent-hash.js';
import { MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { type ApplicationSetup, startApplication } from './applications.js';
import { modulesDirectory } from './nginx-modules.js';
import { PageLog } from './page-log.js';
import { patient, patiently } from './patience.js';
import { Relay } from './relay.js';
import { answer, type Answer } from './site.js';

/** An application with several memcacheds and an nginx of its own. */
export interface RingSite extends AsyncDisposable {
  readonly app: INestApplication;
  readonly log: PageLog;
  readonly servers: readonly MemcachedServer[];
  readonly nginx: NginxServer;
  /** The network in front of the server that is `relayed`. */
  readonly relay: Relay | undefined;
  /** The place of the server of a page of a site without hosts and variants. */
  placeOf(target: string): number;
  /** Through nginx. */
  get(target: string): Promise<Answer>;
  /** Without nginx. */
  direct(target: string): Promise<Answer>;
}

interface RingParts {
  readonly servers?: readonly MemcachedServer[];
  /** The place of a server behind a network that can be cut. */
  readonly relayed?: number;
  /** Not in a test of what happens without a server. */
  readonly isPatient?: boolean;
}

export function startServers(count: number): Promise<MemcachedServer[]> {
  return Promise.all(Array.from({ length: count }, () => MemcachedServer.start()));
}

export async function startRing(
  { options, providers = [], ...setup }: ApplicationSetup,
  { servers: given, relayed, isPatient = true }: RingParts = {},
): Promise<RingSite> {
  const servers = given ?? (await startServers(3));
  const relay = relayed === undefined ? undefined : await Relay.to(servers[relayed]!.address);
  const addresses = servers.map(({ address }, place) => (place === relayed ? relay! : { address }).address);
  const all: NginxCacheOptions = { hosts: 'any', store: memcachedStore({ servers: addresses }), ...options };
  const parts = { ...setup, options: all, providers: [PageLog, ...providers], isPatient };
  const { app, address, url } = await startApplication(parts);
  const nginx = await NginxServer.start(({ port, directory }) => {
    const modules = modulesDirectory(all.nginx?.flavour);
    const conf = nginxConf(all, { app: address, listen: port, directory, modulesDirectory: modules });
    return isPatient ? { ...conf, full: patient(conf.full) } : conf;
  });
  const ring = new ConsistentHash(addresses.map((one) => ({ address: one, weight: 1 })));
  const form = all.nginx?.flavour === 'srcache' || all.nginx?.flavour === 'njs' ? ';response' : '';
  const ask = (page: string) =>
    isPatient
      ? patiently(
          () => answer(page),
          ({ status }) => status,
        )
      : answer(page);
  return {
    app,
    log: app.get(PageLog),
    servers,
    nginx,
    relay,
    placeOf: (target) => ring.serverOf(`${all.prefix ?? 'page:'}${form}${target}`),
    get: (target) => ask(nginx.url + target),
    direct: (target) => ask(url + target),
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await nginx.stop();
      await relay?.[Symbol.asyncDispose]();
      if (!given) await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
