import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { memcachedStore, nginxConf, type NginxFlavour } from '../../../../lib/index.js';
import { bodyFormat } from '../../../../lib/page/body-format.js';
import { memcachedKey } from '../../../../lib/page/memcached-key.js';
import { responseFormat } from '../../../../lib/page/response-format.js';
import { MemcachedClient } from '../../../../lib/stores/memcached/memcached-client.js';
import type { MemcachedServerAddress } from '../../../../lib/stores/memcached/memcached-address.js';
import { ConsistentHash } from '../../../../lib/stores/memcached/ring/consistent-hash.js';
import { MemcachedServer, NginxServer, RawClient } from '../../../../lib/testing/index.js';
import { ok, RawBackend } from '../../../nginx/raw-backend.js';
import { modulesDirectory } from '../../../support/nginx-modules.js';
import { patient } from '../../../support/patience.js';
import { fc, generator } from '../../../support/random.js';

/** `KEYS=20000` is the full run. */
const KEYS = Number(process.env['KEYS'] ?? 500);
const CLIENTS = 8;

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const random = generator();
const below = (limit: number) => Math.floor(random() * limit);

describe('ConsistentHash, beside nginx', () => {
  const lists: [servers: number, flavour: NginxFlavour][] = [
    [1, 'memcached'],
    [2, 'memcached'],
    [3, 'memcached'],
    [7, 'memcached'],
    [3, 'srcache'],
    [3, 'njs'],
  ];

  it.each(lists)(`nginx finds every page on %i servers (%s)`, async (count, flavour) => {
    await using all = await startServers(count);
    const { servers } = all;
    const ring = new ConsistentHash(servers);
    const clients = servers.map(({ address }) => new MemcachedClient(address, { writeTimeout: 10_000 }));
    const form = flavour === 'memcached' ? '' : ';response';
    const format = flavour === 'memcached' ? bodyFormat([], () => 'text/html') : responseFormat;
    const targets = [...new Set(Array.from({ length: KEYS }, randomTarget))];
    const used = new Set<number>();
    for (const target of targets) {
      const key = `page:${form}${target}`;
      const place = ring.serverOf(key);
      used.add(place);
      const headers: [string, string][] = [['Content-Type', 'text/plain']];
      const page = { status: 200, headers, body: Buffer.from(`stored ${target}`) };
      await clients[place]!.set(memcachedKey(key), format.encode(page, key), 0);
    }
    expect(used.size).toBe(count);

    const app = await RawBackend.start();
    app.answer = () => ok('missed');
    const options = {
      hosts: 'any' as const,
      query: { allow: ['page'] },
      store: memcachedStore({ servers }),
      nginx: { flavour },
    };
    await using nginx = await NginxServer.start(({ port, directory }) => {
      const place = {
        app: `127.0.0.1:${app.port}`,
        listen: port,
        directory,
        modulesDirectory: modulesDirectory(flavour),
      };
      const conf = nginxConf(options, place);
      return { ...conf, full: patient(conf.full) };
    });
    const missed: string[] = [];
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, first) => {
        await using visitor = new RawClient(nginx.port);
        for (let at = first; at < targets.length; at += CLIENTS) {
          const target = targets[at]!;
          const { body } = await visitor.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
          if (body.toString('latin1') !== `stored ${target}`) missed.push(target);
        }
      }),
    );
    app.stop();
    await Promise.all(clients.map((client) => client.close()));
    expect(missed).toEqual([]);
  });
});

describe('ConsistentHash', () => {
  const names = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 2, maxLength: 8 });
  const lists = names.chain((ports) =>
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: ports.length, maxLength: ports.length })
      .map((weights) => ports.map((port, index) => ({ address: `cache${port}:${port}`, weight: weights[index]! }))),
  );
  const keys = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1 }), { minLength: 20, maxLength: 50 });

  it('moves only the keys of a server that goes, and only to one that comes', () => {
    fc.assert(
      fc.property(lists, keys, (servers, some) => {
        const fewer = servers.slice(1);
        const [whole, rest] = [new ConsistentHash(servers), new ConsistentHash(fewer)];
        const moved = some.filter((key) => fewer[rest.serverOf(key)] !== servers[whole.serverOf(key)]);
        expect(moved).toEqual(some.filter((key) => whole.serverOf(key) === 0));
      }),
      { numRuns: 30 },
    );
    expect.hasAssertions();
  });

  it('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(lists, keys, (servers, some) => {
        const backwards = servers.toReversed();
        const [one, other] = [new ConsistentHash(servers), new ConsistentHash(backwards)];
        for (const key of some) expect(backwards[other.serverOf(key)]).toBe(servers[one.serverOf(key)]);
      }),
      { numRuns: 30 },
    );
    expect.hasAssertions();
  });

  it('gives each server its share', () => {
    const ring = new ConsistentHash([
      { address: 'a:1', weight: 1 },
      { address: 'b:1', weight: 3 },
    ]);
    const places = Array.from({ length: 10_000 }, (_, index) => ring.serverOf(`page:/posts/${index}`));
    const share = places.filter((place) => place === 1).length / places.length;
    expect(share).toBeGreaterThan(0.65);
    expect(share).toBeLessThan(0.85);
  });
});

/** Of every kind that there is an address for, with random weights. */
async function startServers(
  count: number,
): Promise<AsyncDisposable & { readonly servers: readonly MemcachedServerAddress[] }> {
  const both = hasIpv6 ? ['-l', '[::1]'] : [];
  const started = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      MemcachedServer.start(index % 4 === 3 ? { unix: true } : { args: index % 4 === 0 ? [] : both }),
    ),
  );
  const servers = started.map(({ address }, index) => {
    const port = address.split(':')[1];
    const spelled = [address, hasIpv6 ? `[::1]:${port}` : address, `localhost:${port}`, address][index % 4]!;
    return { address: spelled, weight: 1 + below(5) };
  });
  return {
    servers,
    [Symbol.asyncDispose]: async () => void (await Promise.all(started.map((server) => server.stop()))),
  };
}

/** With what is escaped in memcached, and not where the server is sought. */
function randomTarget(): string {
  const word = () => Array.from({ length: 1 + below(8) }, () => 'aeiou0189-_~'[below(12)]).join('');
  const segments = Array.from({ length: 1 + below(4) }, () => (below(4) === 0 ? `${word()}%C3%A4%20` : word()));
  return `/${segments.join('/')}${below(4) === 0 ? `?page=${below(100)}` : ''}`;
}
