import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { Relay } from '../../support/relay.js';
import { answering, clientOf, realServer, untilBack, value } from './clients.js';

describe('a server that was away', () => {
  it('behind a network that was cut: whoever is connected and whoever connects waits, and nobody is told', async () => {
    const server = await realServer();
    await using relay = await Relay.to(server.address);
    const client = clientOf(relay.address, { writeTimeout: 500 });
    await client.set('a', value, 0);
    await relay.cut();
    const failure = () => client.get('a').then(String, (error: Error) => error.message);
    expect(await failure()).toMatch(/no answer within 50 ms/);
    await expect.poll(failure, { interval: 1 }).toMatch(/the server is down \(no answer within 500 ms/);
    const [host, port] = relay.address.split(':');
    const stranger = connect(Number(port), host);
    await expect(once(stranger, 'connect', { signal: AbortSignal.timeout(500) })).rejects.toThrow('aborted');
    stranger.destroy();
    await relay.heal();
    await untilBack(client);
    await expect.poll(() => client.get('a').catch(() => 'late')).toEqual(value);
  });

  it('is asked again before an earlier attempt has got an answer', async () => {
    let hasAnswered = false;
    let [open, most] = [0, 0];
    const address = await answering((socket) => {
      open += 1;
      most = Math.max(most, open);
      socket.on('close', () => (open -= 1)).resume();
      if (!hasAnswered) socket.once('data', () => socket.write('MN\r\nrubbish\r\n'));
      hasAnswered = true;
    });
    const client = clientOf(address, { writeTimeout: 20_000 });
    await expect(client.get('a')).rejects.toThrow();
    await expect.poll(() => most).toBeGreaterThan(1);
  });

  it.each(['pause', 'kill'] as const)('tells whoever wants to know when it answers again (%s)', async (how) => {
    const server = await realServer();
    const client = clientOf(server.address, { writeTimeout: 200 });
    let returns = 0;
    client.onReturn(() => (returns += 1));
    await untilBack(client);
    await server[how]();
    const isDown = () => client.get('a').then(String, (error: Error) => error.message.includes('is down'));
    await expect.poll(isDown).toBe(true);
    expect(returns).toBe(0);
    if (how === 'pause') server.resume();
    else await server.restart();
    await expect.poll(() => returns).toBe(1);
    await untilBack(client);
  });

  it('ends the listings that were under way', async () => {
    const address = await answering((socket) =>
      socket.on('data', (data) => {
        if (data.toString().startsWith('mn')) socket.write('MN\r\n');
      }),
    );
    const client: MemcachedClient = clientOf(address, { writeTimeout: 200, listTimeout: 600_000 });
    const listed = client.keys('').next();
    await expect(client.set('a', value, 0)).rejects.toThrow('no answer');
    await expect(listed).rejects.toThrow(/list failed: the server is down \(no answer within 200 ms/);
  });
});
