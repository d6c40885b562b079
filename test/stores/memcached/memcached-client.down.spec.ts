import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { MemcachedError } from '../../../lib/stores/memcached/memcached-error.js';
import { freePort } from '../../../lib/testing/index.js';
import { answering, cleanUp, clientOf, realServer, untilBack, value } from './clients.js';

describe('MemcachedClient when the server is not there', () => {
  it('rejects with the server and the operation, then at once, then works when it comes', async () => {
    const port = await freePort();
    const client = clientOf(`127.0.0.1:${port}`);
    for (const [name, run] of Object.entries({
      get: () => client.get('a'),
      set: () => client.set('a', value, 0),
      delete: () => client.deleteMany(['a']),
      list: () => client.keys('').next(),
    })) {
      const error = await run().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MemcachedError);
      expect(error).toMatchObject({ server: `127.0.0.1:${port}`, operation: name });
    }
    await expect(client.get('a')).rejects.toThrow(/get failed: the server is down \(.*ECONNREFUSED/);
  });

  it('says why also when a name has several addresses', async () => {
    const client = clientOf(`localhost:${await freePort()}`, { getTimeout: 5000 });
    await expect(client.get('a')).rejects.toThrow(/get failed: .*ECONNREFUSED/);
  });

  it('comes back by itself after a restart, idle or not', async () => {
    const server = await realServer();
    const client = clientOf(server.address, { getTimeout: 10_000 });
    await client.set('a', value, 0);
    await server.restart();
    await untilBack(client);
    await server.kill();
    await expect(client.set('a', value, 0)).rejects.toThrow(MemcachedError);
    await server.restart();
    await untilBack(client);
    expect(await client.get('a')).toBeUndefined();
  });

  it.each(['kill', 'pause'] as const)('settles every operation in flight at %s', async (how) => {
    const server = await realServer();
    const client = clientOf(server.address);
    await client.set('a', value, 0);
    let flowing = true;
    const outcomes = { fulfilled: 0, rejected: 0 };
    const flow = async (run: () => Promise<unknown>) => {
      while (flowing) {
        const [{ status }] = await Promise.allSettled([run()]);
        outcomes[status] += 1;
        await delay(1);
      }
    };
    const flows = [
      ...Array.from({ length: 20 }, (_, i) =>
        flow(() => client.set(`f:${i}`, { bytes: Buffer.alloc(20_000), flags: 0 }, 0)),
      ),
      ...Array.from({ length: 20 }, (_, i) => flow(() => client.get(`f:${i}`))),
      ...Array.from({ length: 5 }, () =>
        flow(() => client.deleteMany(Array.from({ length: 1000 }, (_, i) => `f:${i}`))),
      ),
    ];
    await expect.poll(() => outcomes.fulfilled).toBeGreaterThan(100);
    await server[how]();
    await expect.poll(() => outcomes.rejected).toBeGreaterThan(100);
    // Before the server is back.
    flowing = false;
    await Promise.all(flows);
    if (how === 'pause') server.resume();
    else await server.restart();
    await untilBack(client);
  });
});

describe('MemcachedClient with a server that is no memcached', () => {
  const options = { getTimeout: 500, writeTimeout: 500, listTimeout: 500 };

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
    ['endless line', 'x'.repeat(100_000)],
    ['zero bytes', '\0'.repeat(100) + '\r\n'],
    ['value without length', 'MN\r\nVA\r\n'],
    ['value longer than announced', 'MN\r\nVA 1 f0\r\nxyz\r\n'],
    ['huge value', 'MN\r\nVA 4294967295 f0\r\nxyz\r\n'],
    ['negative value', 'MN\r\nVA -5 f0\r\nxyz\r\n'],
    ['wrong answer', 'MN\r\nNF\r\n'],
    ['too many answers', 'MN\r\nHD\r\nHD\r\nHD\r\n'],
    ['ERROR', 'MN\r\nERROR\r\n'],
    ['CLIENT_ERROR', 'MN\r\nCLIENT_ERROR unauthenticated\r\n'],
    ['old memcached', 'ERROR\r\n'],
    ['nothing', ''],
  ])('rejects: %s', async (_, answer) => {
    const address = await answering((socket) => socket.once('data', () => socket.write(answer, 'latin1')));
    for (const run of [
      (client: MemcachedClient) => client.get('a'),
      (client: MemcachedClient) => client.set('a', value, 0).then(() => client.set('a', value, 0)),
      (client: MemcachedClient) => client.deleteMany(['a']).then(() => client.deleteMany(['a'])),
      (client: MemcachedClient) => client.keys('').next(),
    ]) {
      await expect(run(clientOf(address, options))).rejects.toThrow(MemcachedError);
    }
  });

  it('rejects when the server hangs up', async () => {
    const address = await answering((socket) => socket.destroy());
    await expect(clientOf(address, options).get('a')).rejects.toThrow(MemcachedError);
  });

  it('hands a SERVER_ERROR on and goes on with the same connection', async () => {
    let connections = 0;
    const address = await answering((socket) => {
      connections += 1;
      socket.on('data', (data) => {
        for (const line of data.toString().split('\r\n')) {
          if (line.trim() === 'mn') socket.write('MN\r\n');
          else if (line.startsWith('mg bad')) socket.write('SERVER_ERROR out of memory\r\n');
          else if (line.startsWith('mg')) socket.write('EN\r\n');
          else if (line.startsWith('md bad')) socket.write('SERVER_ERROR out of memory\r\n');
          else if (line.startsWith('md')) socket.write('HD\r\n');
        }
      });
    });
    const client = clientOf(address, options);
    await expect(client.get('bad')).rejects.toThrow(/get failed: the server answered "SERVER_ERROR out of memory"/);
    await expect(client.deleteMany(['good', 'bad', 'good'])).rejects.toThrow(/delete failed.*out of memory/);
    expect(await client.get('good')).toBeUndefined();
    expect(connections).toBe(1);
  });
});

describe('MemcachedClient.close', () => {
  /** What keeps the process alive; vitest has some of its own. */
  const resources = () => process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe|Timeout)/.test(name)).length;
  /** `expect.poll()` has timers of its own. */
  const until = async (isSo: () => boolean) => {
    for (let tries = 0; !isSo() && tries < 500; tries += 1) await delay(10);
    expect(isSo()).toBe(true);
  };

  it('rejects what is pending and leaves no socket and no timer', async () => {
    const before = resources();
    const client = new MemcachedClient(await answering((socket) => socket.resume()));
    const pending = [client.set('a', value, 0), client.deleteMany(['a']), client.keys('').next()];
    const outcomes = Promise.allSettled(pending);
    await until(() => resources() > before);
    await client.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ reason: { message: expect.stringContaining('the client is closed') } });
    }
    await expect(client.get('a')).rejects.toThrow('the client is closed');
    await client.close();
    // The other end is in this process, too.
    await cleanUp();
    await until(() => resources() <= before);
  });

  it('does not try to come back', async () => {
    const before = resources();
    const port = await freePort();
    const client = new MemcachedClient(`127.0.0.1:${port}`);
    await client.get('a').catch(() => {});
    await client.close();
    await until(() => resources() <= before);

    let connections = 0;
    const server = createServer(() => (connections += 1)).listen(port, '127.0.0.1');
    await once(server, 'listening');
    await delay(300);
    server.close();
    expect(connections).toBe(0);
  });
});
