// What the contenders that are configured by hand have in common.
import { NginxServer } from '../../dist/testing/index.js';

/** All get one worker, and write no log of requests. */
export function oneWorker(conf) {
  return conf
    .replace('worker_processes auto', 'worker_processes 1')
    .replace(/^ *access_log [^;]+;/m, 'access_log off;');
}

/**
 * @param {string} location what stands in `location /`
 * @param {string} http what stands in `http {}`, with DIRECTORY for that of nginx
 */
export async function startNginx(location, http = '') {
  const nginx = await NginxServer.start(({ port, directory }) => ({
    full: `
      worker_processes 1;
      worker_rlimit_nofile 8192;
      pid ${directory}/nginx.pid;
      error_log ${directory}/error.log;
      events { worker_connections 4096; }
      http {
        access_log off;
        tcp_nopush on;
        keepalive_timeout 65s;
        client_body_temp_path ${directory}/body;
        proxy_temp_path ${directory}/proxy;
        ${http.replaceAll('DIRECTORY', directory)}
        server { listen ${port}; location / { ${location} } }
      }`,
  }));
  return { url: nginx.url, nginx, processes: () => ({ nginx: nginx.pid }), stop: () => nginx.stop() };
}
