import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answering, clientOf, realServer, untilBack, value } from './clients.js';

describe('MemcachedClient with a server that does not answer in time', () => {
  it('lets an operation that misses its deadline reject alone', async () => {
    const server = await realServer();
    const client = clientOf(server.address, { getTimeout: 50, writeTimeout: 20_000 });
    await client.set('a', value, 0);
    await client.set('b', { bytes: Buffer.from('late'), flags: 0 }, 0);
    const connections = async () => /total_connections (\d+)/.exec(await server.send('stats'))?.[1];
    const before = Number(await connections());
    server.pause();
    const failure = () => client.get('b').then(String, (error: Error) => error.message);
    await expect.poll(failure, { interval: 1 }).toMatch(/no answer within 50 ms/);
    // Behind it in the pipeline.
    const deleted = client.deleteMany(['a', 'none']);
    expect(await failure()).toMatch(/no answer within 50 ms/);
    server.resume();
    expect(await deleted).toBe(1);
    // The late answers were not taken for those of others.
    await expect.poll(() => client.get('a').catch(() => 'late')).toBeUndefined();
    // That of the test alone.
    expect(Number(await connections())).toBe(before + 1);
  });

  it('gives a server up that sends nothing at all, and is back when it answers', async () => {
    const server = await realServer();
    const client = clientOf(server.address, { writeTimeout: 500 });
    await client.set('a', value, 0);
    server.pause();
    const failure = () => client.get('a').then(String, (error: Error) => error.message);
    await expect.poll(failure, { interval: 1 }).toMatch(/no answer within 50 ms/);
    await expect.poll(failure, { interval: 1 }).toMatch(/the server is down \(no answer within 500 ms/);
    // Long enough for new connections to be accepted by the kernel.
    for (let i = 0; i < 20; i++) {
      await delay(20);
      expect(await failure()).toMatch(/get failed: the server is down/);
    }
    server.resume();
    await untilBack(client);
  });

  it('counts silence from when something is due', async () => {
    const address = await answering((socket) => {
      socket.on('data', (data) => {
        const lines = data.toString().split('\r\n');
        if (lines.some((line) => line.trim() === 'mn')) socket.write('MN\r\n');
        if (lines.includes('mg quick v f')) socket.write('EN\r\n');
        if (lines.includes('mg slow v f')) setTimeout(() => socket.write('EN\r\n'), 1000);
      });
    });
    const client = clientOf(address, { getTimeout: 10_000, writeTimeout: 2000 });
    await client.get('quick');
    await delay(1900);
    expect(await client.get('slow')).toBeUndefined();
  });

  it('goes on with a server that is slow, but not silent', async () => {
    const address = await answering((socket) => {
      let due = 0;
      const timer = setInterval(() => due > 0 && (due -= 1) >= 0 && socket.write('EN\r\n'), 50);
      socket
        .on('close', () => clearInterval(timer))
        .on('data', (data) => {
          const lines = data.toString().split('\r\n');
          if (lines.some((line) => line.trim() === 'mn')) socket.write('MN\r\n');
          due += lines.filter((line) => line.startsWith('mg')).length;
        });
    });
    const client = clientOf(address, { getTimeout: 10_000, writeTimeout: 500 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.get('a')));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
  });

  it('refuses more when too much waits for a slow server', async () => {
    const address = await answering((socket) => socket.once('data', () => socket.write('MN\r\n')));
    const client = clientOf(address, { getTimeout: 1, writeTimeout: 20_000, maxPendingBytes: 100_000 });
    const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, () => client.get('a')));
    const reasons = outcomes.map((outcome) => String((outcome as PromiseRejectedResult).reason.reason));
    expect(reasons).toContain('no answer within 1 ms');
    expect(reasons.at(-1)).toBe('over 100000 bytes wait for an answer already');
    // What has rejected waits still: its answer may come.
    await expect(client.get('a')).rejects.toThrow(/over 100000 bytes/);
  });

  it('does not take a busy event loop for a silent server', async () => {
    const server = await realServer();
    const client = clientOf(server.address, { getTimeout: 50 });
    await client.set('a', value, 0);
    const got = client.get('a');
    await new Promise(process.nextTick);
    for (const end = performance.now() + 300; performance.now() < end;);
    expect((await got)?.bytes.toString()).toBe('x');
  });

  it.each(['before', 'after'])(
    'does not count how long the event loop is busy %s the question goes out',
    async (when) => {
      const server = await realServer();
      const client = clientOf(server.address, { getTimeout: 500, writeTimeout: 500 });
      const busy = () => {
        for (const end = performance.now() + 1000; performance.now() < end;);
      };
      await expect
        .poll(() =>
          client.set('a', value, 0).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
      const set = client.set('a', value, 0);
      if (when === 'before') busy();
      await new Promise(process.nextTick);
      if (when === 'after') busy();
      await set;
    },
  );
});
