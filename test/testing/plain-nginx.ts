import type { NginxConfigurationFor } from '../../lib/testing/index.js';

/** A small nginx of one server. */
export function plainNginx(server: string, files: Record<string, string> = {}, listen?: number): NginxConfigurationFor {
  return ({ port, directory }) => ({
    full: `
worker_processes 2;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server { listen 127.0.0.1:${listen ?? port}; ${server} }
}`,
    files,
  });
}
