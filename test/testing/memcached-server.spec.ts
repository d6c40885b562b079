import { afterEach, describe, expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';

describe.each([{ unix: false }, { unix: true }])('MemcachedServer.start($unix)', ({ unix }) => {
  let server: MemcachedServer | undefined;
  afterEach(() => server?.stop());

  it('answers at its address, with its own process id', async () => {
    server = await MemcachedServer.start({ unix });
    expect(server.address).toMatch(unix ? /^unix:\/.+/ : /^127\.0\.0\.1:\d+$/);
    expect(await server.send('version')).toMatch(/^VERSION \S+\r\n$/);
    expect(await server.send('stats')).toContain(`STAT pid ${server.pid}\r\n`);
  });

  it('lists keys exactly as they are held', async () => {
    server = await MemcachedServer.start({ unix });
    const keys = ['page:/', 'page:/a%20b?c=d&e=f', 'page:/\xc3\xa4;=+"', 'page:/\xff', 'x'.repeat(250)];
    for (const key of keys) expect(await server.send(`set ${key} 0 0 2\r\nhi`)).toBe('STORED\r\n');
    expect((await server.keys()).toSorted()).toEqual(keys.toSorted());
    await server.flush();
    expect(await server.keys()).toEqual([]);
  });

  it('is empty, and at the same address, after a restart', async () => {
    server = await MemcachedServer.start({ unix });
    const { address, pid } = server;
    await server.send('set a 0 0 1\r\n1');
    await server.kill();
    await expect(server.send('version')).rejects.toThrow(/ECONNREFUSED|hung up/);
    await server.restart();
    expect(server.address).toBe(address);
    expect(server.pid).not.toBe(pid);
    expect(await server.send('get a')).toBe('END\r\n');
    await server.restart();
    expect(await server.keys()).toEqual([]);
  });

  it('answers nothing while it is paused', async () => {
    server = await MemcachedServer.start({ unix });
    server.pause();
    let answered = false;
    const answer = server.send('version').then(() => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    server.resume();
    await answer;
  });
});

describe('MemcachedServer', () => {
  it('reads values whatever is in them', async () => {
    await using server = await MemcachedServer.start();
    const value = 'END\r\nSTORED\r\nVA 3\r\n' + '\xff\r\n'.repeat(50_000);
    expect(await server.send(`set a 7 0 ${value.length}\r\n${value}`)).toBe('STORED\r\n');
    expect(await server.send('get a')).toBe(`VALUE a 7 ${value.length}\r\n${value}\r\nEND\r\n`);
    expect(await server.send('mg a v f')).toBe(`VA ${value.length} f7\r\n${value}\r\n`);
    expect(await server.send('mg b v')).toBe('EN\r\n');
    expect(await server.send('nonsense')).toMatch(/^ERROR/);
  });

  it('lists 20,000 keys', async () => {
    await using server = await MemcachedServer.start();
    const sets = Array.from({ length: 20_000 }, (_, i) => `ms page:/posts/${i}/with-a-longer-name 1 q\r\n1\r\n`);
    await server.send(`${sets.join('')}mn`);
    expect(new Set(await server.keys()).size).toBe(20_000);
  });

  it('hands arguments on, and says what memcached says when it does not start', async () => {
    await using server = await MemcachedServer.start({ args: ['-m', '16'] });
    expect(await server.send('stats settings')).toContain('STAT maxbytes 16777216\r\n');
    await expect(MemcachedServer.start({ args: ['-t', '0'] })).rejects.toThrow(/threads must be greater than 0/);
  });
});
