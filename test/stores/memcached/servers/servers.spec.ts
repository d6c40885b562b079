import dns from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  dnsServers,
  elastiCacheServers,
  memcachedStore,
  NginxCacheConfigError,
  nginxConf,
} from '../../../../lib/index.js';
import { NameServer } from '../../../support/name-server.js';

describe('dnsServers()', () => {
  it('gives every address of a name', async () => {
    const found = await dns.lookup('localhost', { all: true });
    const addresses = found.map(({ address, family }) => (family === 6 ? `[${address}]:11211` : `${address}:11211`));
    expect(await dnsServers('localhost:11211')()).toEqual([...new Set(addresses)].toSorted());
  });

  it('gives what SRV records name, in one order, and rejects where there are none', async () => {
    using names = await NameServer.start();
    const before = dns.getServers();
    dns.setServers([names.address]);
    try {
      const service = '_memcached._tcp.example.com';
      names.services.set(service, [
        { name: 'b.example.com', port: 11212 },
        { name: 'a.example.com', port: 11211 },
      ]);
      expect(await dnsServers(service)()).toEqual(['a.example.com:11211', 'b.example.com:11212']);
      expect(await dnsServers(`${service}.`)()).toEqual(['a.example.com:11211', 'b.example.com:11212']);
      await expect(dnsServers('_nobody._tcp.example.com')()).rejects.toThrow('ENOTFOUND');
    } finally {
      dns.setServers(before);
    }
  });

  it('refuses what is no name', () => {
    expect(() => dnsServers('http://example.com')).toThrow(NginxCacheConfigError);
  });
});

describe('elastiCacheServers()', () => {
  async function endpoint(answer: string) {
    const server = createServer((socket) =>
      socket.once('data', (text) => socket.end(String(text) === 'config get cluster\r\n' ? answer : '')),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { address: `127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close() };
  }
  const cluster = (nodes: string) => `CONFIG cluster 0 ${nodes.length + 5}\r\n12\n${nodes}\n\r\nEND\r\n`;

  it('gives the nodes that the endpoint names: by their addresses, or by their names where these are missing', async () => {
    using node = await endpoint(
      cluster('b.cache.amazonaws.com|10.0.0.2|11211 a.cache.amazonaws.com||11211 c|fd00::3|11211'),
    );
    expect(await elastiCacheServers(node.address)()).toEqual([
      '10.0.0.2:11211',
      '[fd00::3]:11211',
      'a.cache.amazonaws.com:11211',
    ]);
  });

  it.each([
    ['ERROR\r\n', 'the server answered "ERROR'],
    ['', 'closed the connection'],
    [cluster(''), 'names no nodes'],
  ])('rejects when the endpoint answers %j', async (answer, reason) => {
    using node = await endpoint(answer);
    await expect(elastiCacheServers(node.address)()).rejects.toThrow(reason);
  });
});

describe('a list that changes', () => {
  it('is for the application alone: nginx is given the list of the moment', () => {
    const store = memcachedStore({ servers: () => '127.0.0.1:11211' });
    expect(() => nginxConf({ store, hosts: 'any' }, { app: '127.0.0.1:3000' })).toThrow('servers: await servers()');
  });

  it.each([
    [{ servers: '127.0.0.1:11211', refreshInterval: 1000 }, 'memcachedStore.refreshInterval'],
    [{ servers: () => '127.0.0.1:11211', refreshInterval: 10 }, 'memcachedStore.refreshInterval'],
  ])('%j is refused', (options, option) => {
    expect(() => memcachedStore(options)).toThrow(option);
  });
});
