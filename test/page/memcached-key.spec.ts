import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { memcachedKey, pageKeyOf } from '../../lib/page/memcached-key.js';
import { NginxServer } from '../../lib/testing/index.js';
import { plainNginx } from '../testing/plain-nginx.js';
import { RawPool } from './raw-pool.js';
import { fc } from '../support/random.js';

const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const key = fc
  .array(fc.oneof(anyByte, fc.constantFrom('%', '%41', '%zz', ' ', 'a')), { maxLength: 40 })
  .map((all) => all.join(''));

it('can be undone', () => {
  for (const one of fc.sample(key, { numRuns: 5000 })) expect(pageKeyOf(memcachedKey(one))).toBe(one);
});

it('is what memcached takes: no control bytes, no spaces', () => {
  for (const one of fc.sample(key, { numRuns: 5000 })) {
    expect(Array.from(memcachedKey(one)).filter((char) => char <= ' ')).toEqual([]);
  }
});

it('is what nginx sends, for every byte', async () => {
  const asked: string[] = [];
  const memcached = createServer((socket) => {
    socket.setEncoding('latin1').on('data', (line: string) => {
      asked.push(line);
      socket.write('END\r\n');
    });
    socket.on('error', () => {});
  });
  await once(memcached.listen(0, '127.0.0.1'), 'listening');
  const { port } = memcached.address() as AddressInfo;
  await using nginx = await NginxServer.start(
    plainNginx(`location / { set $memcached_key $uri; memcached_pass 127.0.0.1:${port}; }`),
  );
  const pool = new RawPool(nginx.port, 1);
  // nginx takes no NUL, and takes slashes and dots for itself.
  const keys = [
    ...Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)),
    ...fc.sample(key, { numRuns: 500 }),
  ].map((one) => `/${one.replace(/[\0./]/g, '')}`);
  const percentEncoded = (one: string) =>
    one.replace(/[^/]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  await pool.sendAll(keys.map((one) => `GET ${percentEncoded(one)} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
  pool.close();
  memcached.close();
  expect(asked).toEqual(keys.map((one) => `get ${memcachedKey(one)}\r\n`));
});
