// nginx's own cache, as https://docs.nginx.com/nginx/admin-guide/content-cache/content-caching/ has it.
import { startNginx } from './nginx.mjs';

const SOURCE = 'https://docs.nginx.com/nginx/admin-guide/content-cache/content-caching/';
const CACHE =
  'proxy_cache_path DIRECTORY/cache levels=1:2 keys_zone=pages:10m max_size=4g inactive=60m use_temp_path=off;';
const start =
  (lines) =>
  async ({ origin }) => ({
    ...(await startNginx(
      `proxy_pass http://${origin.address};
     proxy_cache pages;
     proxy_http_version 1.1;
     proxy_set_header Connection "";
     ${lines}`,
      CACHE,
    )),
    renders: origin.renders,
  });

export const proxyCaches = [
  {
    name: 'proxy_cache, gzip on',
    by: 'nginx',
    source: SOURCE,
    programs: ['nginx'],
    // One copy of each page, packed for whoever takes it (https://docs.nginx.com/nginx/admin-guide/web-server/compression/).
    start: start('proxy_set_header Accept-Encoding ""; gzip on; gzip_proxied any; gzip_vary on;'),
  },
  {
    name: 'proxy_cache, packed by the application',
    by: 'nginx',
    source: SOURCE,
    programs: ['nginx'],
    // A copy for each Accept-Encoding there is (ngx_http_proxy_module heeds Vary).
    start: start(''),
  },
];
