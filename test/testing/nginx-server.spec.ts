import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { NginxServer } from '../../lib/testing/index.js';
import { plainNginx } from './plain-nginx.js';

describe('NginxServer', () => {
  it('serves its configuration and its files', async () => {
    await using nginx = await NginxServer.start(
      plainNginx('location / { root html; } location = /hello { return 200 hello; }', { 'html/a.txt': 'from a file' }),
    );
    expect(await (await fetch(`${nginx.url}/hello`)).text()).toBe('hello');
    expect(await (await fetch(`${nginx.url}/a.txt`)).text()).toBe('from a file');
    expect(nginx.testOutput).toBe('');
  });

  it('leaves nothing behind', async () => {
    const nginx = await NginxServer.start(plainNginx('return 200 hello;'));
    await nginx.stop();
    await nginx.stop();
    await expect(fetch(nginx.url)).rejects.toThrow();
    expect(existsSync(nginx.directory)).toBe(false);
  });

  it('rejects with what nginx says of a wrong configuration', async () => {
    await expect(NginxServer.start(plainNginx('retrun 200;'))).rejects.toThrow(/unknown directive "retrun"/);
    await expect(NginxServer.start(plainNginx('return 200;', {}, 12_345))).rejects.toThrow(/does not listen/);
  });

  it('keeps the warnings of nginx about its configuration', async () => {
    await using nginx = await NginxServer.start(plainNginx('types { text/html a; text/css a; }'));
    expect(nginx.testOutput).toMatch(/\[warn\].* duplicate extension "a"/);
  });

  it('collects errors, each line once, and no notices', async () => {
    await using nginx = await NginxServer.start(plainNginx('location / { root html; }'));
    expect(nginx.errorLog()).toBe('');
    await fetch(`${nginx.url}/missing`);
    expect(nginx.errorLog().match(/"[^"]+\/html\/missing" failed/g)).toHaveLength(1);
  });

  it('answers by the new configuration once it has reloaded', async () => {
    await using nginx = await NginxServer.start(plainNginx('return 200 0;'));
    for (let version = 1; version <= 5; version++) {
      await nginx.reload(plainNginx(`return 200 ${version};`));
      const answers = Array.from({ length: 20 }, async () =>
        (await fetch(nginx.url, { headers: { connection: 'close' } })).text(),
      );
      expect(new Set(await Promise.all(answers))).toEqual(new Set([String(version)]));
    }
    await expect(nginx.reload(plainNginx('retrun 200;'))).rejects.toThrow(/unknown directive/);
    expect(await (await fetch(nginx.url)).text()).toBe('5');
  });

  it('takes another port when somebody was quicker', async () => {
    const asked: number[] = [];
    const thief = createServer();
    await using nginx = await NginxServer.start((place) => {
      asked.push(place.port);
      // Without a host, Node has the port when `listen()` returns.
      if (asked.length === 1) thief.listen(place.port);
      return plainNginx('return 200 hello;')(place);
    });
    thief.close();
    await once(thief, 'close');
    expect(asked).toHaveLength(2);
    expect(nginx.port).toBe(asked[1]);
    expect(nginx.testOutput).toBe('');
    expect(await (await fetch(nginx.url)).text()).toBe('hello');
  });
});
