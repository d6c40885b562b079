// Files that somebody has written and packed beforehand: what nginx can do at best.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pageAt } from '../support/pages.mjs';
import { startNginx } from './nginx.mjs';

const start =
  (lines) =>
  async ({ directory, paths }) => {
    const root = join(directory, 'static');
    for (const path of paths) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, pageAt(path));
      writeFileSync(`${file}.gz`, gzipSync(pageAt(path)));
    }
    chmodSync(directory, 0o755);
    return {
      ...(await startNginx(
        `root ${root}; default_type text/html; charset utf-8; sendfile on; gzip_static on; gzip_vary on; ${lines}`,
      )),
      renders: () => 0,
    };
  };

export const staticFiles = [
  {
    name: 'static file, gzip_static',
    by: 'nginx',
    source: 'https://docs.nginx.com/nginx/admin-guide/web-server/compression/#sending-compressed-files',
    programs: ['nginx'],
    start: start(''),
  },
  {
    name: 'static file, gzip_static, open_file_cache',
    by: 'nginx',
    source: 'https://nginx.org/en/docs/http/ngx_http_core_module.html#open_file_cache',
    programs: ['nginx'],
    start: start('open_file_cache max=1000 inactive=20s; open_file_cache_valid 30s; open_file_cache_min_uses 2;'),
  },
];
