import { describe, expect, it } from 'vitest';
import { memcachedStore, memoryStore, NginxCacheConfigError, nginxConf } from '../../lib/index.js';

const store = memcachedStore({ servers: '127.0.0.1:11211' });

describe('nginxConf', () => {
  it('refuses a store that nginx cannot read', () => {
    expect(() => nginxConf({ store: memoryStore() }, { app: '127.0.0.1:3000' })).toThrow(NginxCacheConfigError);
    expect(() => nginxConf({}, { app: '127.0.0.1:3000' })).toThrow(/^store: .*memcachedStore\(\)/);
  });

  it('writes a whole nginx.conf only when it is known which hosts it is for; the pieces have a server_name around them', () => {
    const conf = nginxConf({ store }, { app: '127.0.0.1:3000' });
    expect(() => conf.full).toThrow(NginxCacheConfigError);
    expect(() => conf.full).toThrow(/^hosts: undefined is not possible; .*\["example\.com"\].*"any"/);
    expect(conf.server).toMatch(/^if \(\$\w+_bypass_host_field\) \{\n {4}return 400;/m);
    expect(nginxConf({ store, hosts: 'any' }, { app: '127.0.0.1:3000' }).full).toContain('server_name _;');
    expect(nginxConf({ store, hosts: ['a.example'] }, { app: '127.0.0.1:3000' }).full).toContain(
      'server_name a.example;',
    );
  });
});

describe('bypassToken', () => {
  const options = { prefix: 'blog:', hosts: ['a.example'], store };
  const place = { app: '127.0.0.1:3000', directory: '/etc/nginx/cache' };
  const token = 'past-the-cache-1234';

  it('stands in a file of its own, and nowhere else', () => {
    const { http, server, full, files } = nginxConf({ ...options, bypassToken: token }, place);
    const quoted = /past.{0,4}the.{0,4}cache.{0,4}1234/;
    expect(files['blog_cache_bypass-header.conf']).toMatch(quoted);
    expect(http).toContain('include /etc/nginx/cache/blog_cache_bypass-header.conf;');
    for (const text of [http, server, full]) expect(text).not.toMatch(quoted);
  });

  it('leaves no trace that it could be tried out on', () => {
    const [one, other] = [token, 'another-secret-5678'].map((bypassToken) =>
      nginxConf({ ...options, bypassToken }, place),
    );
    expect([other?.http, other?.server, other?.full]).toEqual([one?.http, one?.server, one?.full]);
  });
});
