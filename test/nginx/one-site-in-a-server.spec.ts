import { expect, it } from 'vitest';
import { memcachedStore, nginxConf } from '../../lib/index.js';
import { NginxServer } from '../../lib/testing/index.js';

it.each([{}, { fragments: ['/*'] }])(
  'nginx refuses two sites in one server, and the configuration says why: %j',
  async (more) => {
    const parts = ['blog:', 'shop:'].map((prefix, index) =>
      nginxConf(
        { prefix, store: memcachedStore({ servers: '127.0.0.1:1' }), ...more },
        { app: '127.0.0.1:1', location: index === 0 ? '/blog/' : '/shop/' },
      ),
    );
    let full = '';
    const starting = NginxServer.start(({ port, directory }) => {
      full = `pid ${directory}/pid; error_log ${directory}/error.log; events {} http {
      ${parts.map(({ http }) => http).join('\n')}
      server { listen 127.0.0.1:${port}; ${parts.map(({ server }) => server).join('\n')} } }`;
      return { full };
    });
    const { message } = await starting.then(
      () => new Error('It started.'),
      (error: Error) => error,
    );
    expect(message).toContain('"uninitialized_variable_warn" directive is duplicate');
    const line = Number(/nginx\.conf:(\d+)/.exec(message)?.[1]);
    expect(full.split('\n')[line - 2]).toContain('each needs a server {} of its own');
  },
);
