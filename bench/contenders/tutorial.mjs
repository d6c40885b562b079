// What tutorials have: the application writes pages to memcached, nginx looks for them by $uri.
// https://nginx.org/en/docs/http/ngx_http_memcached_module.html#example
import { MemcachedServer } from '../../dist/testing/index.js';
import { pageAt } from '../support/pages.mjs';
import { startNginx } from './nginx.mjs';

export const tutorials = ['off', 'on'].map((gzip) => ({
  name: `tutorial: memcached_pass, gzip ${gzip}`,
  by: 'nginx',
  source: 'https://nginx.org/en/docs/http/ngx_http_memcached_module.html#example',
  programs: ['nginx', 'memcached'],
  async start({ paths, origin }) {
    const memcached = await MemcachedServer.start({ args: ['-m', '4096'] });
    for (const path of paths) {
      const page = pageAt(path);
      await memcached.send(`set ${path} 0 0 ${page.length}\r\n${page}`);
    }
    const nginx = await startNginx(`
      set $memcached_key "$uri";
      memcached_pass ${memcached.address};
      default_type text/html;
      charset utf-8;
      gzip ${gzip};
      error_page 404 502 504 = @app;
      } location @app { proxy_pass http://${origin.address};`);
    return {
      ...nginx,
      renders: origin.renders,
      processes: () => ({ ...nginx.processes(), memcached: memcached.pid }),
      stop: async () => {
        await nginx.stop();
        await memcached.stop();
      },
    };
  },
}));
