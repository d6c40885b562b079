import type { NginxConfiguration } from '../../lib/testing/index.js';
import { loadAllModules } from './nginx-modules.js';

/** As Debian 12 installs it, less what needs root; in another directory than /etc/nginx. */
const nginxConfOf = (directory: string) => `
worker_processes auto;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
include ${directory}/modules-enabled/*.conf;

events {
	worker_connections 768;
}

http {
	client_body_temp_path ${directory}/body;
	proxy_temp_path ${directory}/proxy;
	fastcgi_temp_path ${directory}/fastcgi;
	uwsgi_temp_path ${directory}/uwsgi;
	scgi_temp_path ${directory}/scgi;

	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	types { text/html html; text/css css; application/javascript js; }
	default_type application/octet-stream;

	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;

	access_log ${directory}/access.log;
	gzip on;

	include ${directory}/conf.d/*.conf;
	include ${directory}/sites-enabled/*;
}
`;

/**
 * nginx as it is found on Debian with all packages of modules.
 *
 * @param files by their path in /etc/nginx
 */
export function debianNginx(directory: string, files: Record<string, string>): NginxConfiguration {
  return {
    full: nginxConfOf(directory),
    files: { 'modules-enabled/50-modules.conf': loadAllModules(), ...files },
  };
}
