import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileStore, memcachedStore, nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { freePort, NginxServer, RawClient } from '../../lib/testing/index.js';
import { selfSigned } from '../support/certificate.js';
import { debianNginx } from '../support/debian-nginx.js';
import { listenTls } from '../support/listen-tls.js';
import { RawMemcached } from '../support/raw-memcached.js';
import { TlsClient } from '../support/tls-client.js';
import { RawBackend } from './raw-backend.js';

const HOST = 'example.com';
const TARGETS = [
  '/',
  '/posts/1',
  '/posts/1?page=2',
  '/posts/1?page=2&utm_source=x',
  '/posts/1?page=',
  '/posts/k%C3%A4se;x=1+2,3',
  '/posts/%41%20b',
  '/posts//1',
  '/posts/../1',
  '/posts/1?other=1',
  '/posts/1?',
  `/${'long'.repeat(70)}`,
];

describe.each(['memcached', 'srcache', 'njs', 'files'] as const)('the key with the flavour %s', (flavour) => {
  let memcached: RawMemcached;
  let app: RawBackend;
  let nginx: NginxServer;
  let plain: RawClient;
  let tls: TlsClient;
  let asked: string[];
  /** What stands before the path. */
  const lead = `blog:${HOST}${['srcache', 'njs'].includes(flavour) ? ';response' : ''}`;

  beforeAll(async () => {
    memcached = await RawMemcached.start();
    memcached.answer = (key) => {
      asked.push(key);
      return { bytes: 'END\r\n', hang: true };
    };
    app = await RawBackend.start();
    const { certificate, key } = selfSigned(HOST);
    const options: NginxCacheOptions = {
      prefix: 'blog:',
      store:
        // Nothing is stored there.
        flavour === 'files' ? fileStore({ root: '/var/cache/blog' }) : memcachedStore({ servers: memcached.address }),
      nginx: { flavour },
      query: { allow: ['page'] },
      hosts: [HOST],
    };
    const tlsPort = await freePort();
    nginx = await NginxServer.start(({ port, directory }) => {
      const { http, server, files } = nginxConf(options, { app: `127.0.0.1:${app.port}`, directory });
      return debianNginx(directory, {
        'conf.d/blog.conf': `variables_hash_max_size 4096; variables_hash_bucket_size 128; ${http}`,
        'sites-enabled/blog': `server {
          listen 127.0.0.1:${port};
          ${listenTls(tlsPort)}
          ssl_certificate ${directory}/certificate.pem;
          ssl_certificate_key ${directory}/key.pem;
          ${server}
        }`,
        'certificate.pem': certificate,
        'key.pem': key,
        ...files,
      });
    });
    plain = new RawClient(nginx.port);
    tls = new TlsClient(tlsPort, certificate);
  });
  afterAll(async () => {
    plain?.close();
    tls?.[Symbol.dispose]();
    await nginx?.stop();
    app?.stop();
    await memcached?.[Symbol.asyncDispose]();
  });

  it.each(TARGETS)('of %s is the same with HTTP/1.1 and HTTP/2, http and https', async (target) => {
    const ways = {
      http: () => plain.send(`GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`),
      https: () => tls.http1(HOST, target),
      http2: () => tls.http2(HOST, target),
    };
    const seen = [];
    for (const visit of Object.values(ways)) {
      asked = [];
      expect((await visit()).status).toBe(200);
      seen.push({ key: app.field('X-Page-Cache-Key'), asked, target: app.last.split(' ')[1] });
    }
    expect(seen[0]?.target).toBe(target);
    expect(seen[0]?.key).toMatch(new RegExp(`^(?:${lead}/|bypass )`));
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
  });

  it('is looked up where there is one, and there only', async () => {
    asked = [];
    await tls.http2(HOST, '/posts/1?page=2');
    expect(asked).toEqual(flavour === 'files' ? [] : [`${lead}/posts/1?page=2`]);
    asked = [];
    await tls.http2(HOST, '/posts/1?other=1');
    expect(asked).toEqual([]);
  });

  it('has the host of the request, whatever a second one says', async () => {
    asked = [];
    const { status } = await tls.http2(HOST, '/posts/2', { host: 'evil.example' });
    // From 1.23.0 nginx refuses that.
    if (status === 400) return;
    expect(app.field('X-Page-Cache-Key')).toBe(`${lead}/posts/2`);
    expect(app.field('Host')).toBe(HOST);
    expect(app.last).not.toContain('evil');
  });

  it('makes nginx warn of nothing', () => expect(nginx.testOutput).toBe(''));
});
