import { NginxServer } from '../../lib/testing/index.js';
import { modulesDirectory } from './nginx-modules.js';

/** The njs that is installed, as it says itself: 0x000709 is 0.7.9. */
export async function njsVersion(): Promise<number> {
  await using nginx = await NginxServer.start(({ port, directory }) => ({
    full: `
      load_module ${modulesDirectory('njs')}/ngx_http_js_module.so;
      pid ${directory}/nginx.pid;
      error_log ${directory}/error.log;
      events {}
      http {
        access_log off;
        client_body_temp_path ${directory}/body;
        js_import version from ${directory}/version.js;
        server {
          listen 127.0.0.1:${port};
          location / { js_content version.tell; }
        }
      }`,
    files: { 'version.js': 'export default { tell: (r) => r.return(200, String(njs.version_number)) };' },
  }));
  return Number(await (await fetch(nginx.url)).text());
}

/** From here on njs sets a `Date` in the place of nginx's own. */
export const NJS_SETS_DATE = 0x000801;
