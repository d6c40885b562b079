import { fc } from '../../support/random.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { collect } from '../pages.js';

describe.each([{ unix: false }, { unix: true }])('MemcachedClient (unix socket: $unix)', ({ unix }) => {
  let server: MemcachedServer;
  let client: MemcachedClient;

  beforeAll(async () => {
    server = await MemcachedServer.start({ unix, args: ['-m', '256'] });
    // A busy machine must not fail what is not about deadlines.
    client = new MemcachedClient(server.address, { getTimeout: 10_000, writeTimeout: 10_000 });
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  it('gives back any bytes and flags', async () => {
    const hostile = ['END\r\n', 'VALUE x 0 5\r\nhello\r\nEND\r\n', '\r\nSTORED\r\n', 'EN\r\n', 'HD\r\n', '\r\n', ''];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }).map((array) => Buffer.from(array)),
      fc.array(fc.constantFrom(...hostile)).map((parts) => Buffer.from(parts.join(''))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 0, max: 0xffff_ffff }), async (value, flags) => {
        await client.set('any', { bytes: value, flags }, 60_000);
        const got = await client.get('any');
        expect(got?.flags).toBe(flags);
        expect(got?.bytes.equals(value)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('takes every key that memcached takes, and refuses the others before they are sent', async () => {
    const byte = fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code));
    const key = fc.string({ unit: byte, minLength: 1, maxLength: 250 });
    await fc.assert(
      fc.asyncProperty(key, async (name) => {
        await client.set(name, { bytes: Buffer.from(name, 'latin1'), flags: 0 }, 60_000);
        expect((await client.get(name))?.bytes.toString('latin1')).toBe(name);
        expect(await collect(client.keys(name))).toContain(name);
        expect(await client.deleteMany([name, name])).toBe(1);
        expect(await client.get(name)).toBeUndefined();
      }),
      { numRuns: 50, examples: [['k'.repeat(250)], ['\xff'.repeat(250)], ['%25%']] },
    );
    for (const bad of ['', 'k'.repeat(251), 'a b', 'a\r\nflush_all', 'a\0', '\u0100']) {
      await expect(client.set(bad, { bytes: Buffer.from('x'), flags: 0 }, 0)).rejects.toThrow(/a key must be 1 to 250/);
      await expect(client.get(bad)).rejects.toThrow(/a key must be/);
      await expect(client.deleteMany([bad])).rejects.toThrow(/a key must be/);
    }
  });

  it('pipelines 10,000 operations and keeps each answer with its question', async () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `pipe:${i}`);
    await Promise.all(keys.map((key, i) => client.set(key, { bytes: Buffer.from(`value ${i}\r\n`), flags: i }, 0)));
    const got = await Promise.all(keys.map((key) => client.get(key)));
    expect(got.every((value, i) => value?.flags === i && value.bytes.toString() === `value ${i}\r\n`)).toBe(true);
    expect(await client.deleteMany([...keys, 'pipe:none'])).toBe(10_000);
  });

  it('gives memcached seconds, and an absolute time above 30 days', async () => {
    const day = 24 * 60 * 60;
    const ttlOf = async (ttl: number) => {
      await client.set('ttl', { bytes: Buffer.from('x'), flags: 0 }, ttl);
      return Number(/ t(-?\d+)/.exec(`${await server.send('mg ttl t')}`)?.[1]);
    };
    expect(await ttlOf(0)).toBe(-1);
    for (const [ttl, seconds] of [
      [100_500, 101],
      [30 * day * 1000, 30 * day],
      [30 * day * 1000 + 1, 30 * day + 1],
      [365 * day * 1000, 365 * day],
    ] as const) {
      // memcached's clock ticks once a second.
      expect(Math.abs((await ttlOf(ttl)) - seconds)).toBeLessThanOrEqual(2);
    }
    expect(await ttlOf(200 * 365 * day * 1000)).toBe(-1);
    // It may be over by now.
    expect((await ttlOf(1)) > 1).toBe(false);
    for (const bad of [-1, NaN]) await expect(ttlOf(bad)).rejects.toThrow(RangeError);
  });

  it('takes values up to the item limit and says when one is over it', async () => {
    const near = Buffer.alloc(1024 * 1024 - 512, 'n');
    await client.set('near', { bytes: near, flags: 0 }, 0);
    expect((await client.get('near'))?.bytes.equals(near)).toBe(true);

    const over = { bytes: Buffer.alloc(3 * 1024 * 1024, 'END\r\n'), flags: 0 };
    const outcomes = await Promise.allSettled([client.set('over', over, 0), client.get('near')]);
    expect(outcomes[0]).toMatchObject({ reason: { message: expect.stringMatching(/set failed.*object too large/) } });
    expect(outcomes[1]).toMatchObject({ status: 'fulfilled' });
  });

  it('refuses a set when too many bytes wait already', async () => {
    const small = new MemcachedClient(server.address, { maxPendingBytes: 100_000 });
    const value = { bytes: Buffer.alloc(40_000), flags: 0 };
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => small.set(`wait:${i}`, value, 0)));
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
    await small.set('wait:after', value, 0);
    await small.close();
  });
});
