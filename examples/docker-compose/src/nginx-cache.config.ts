import { defineConfig, memcachedStore, type NginxDeployment } from 'nestjs-nginx-cache';

const { MEMCACHED = 'memcached:11211', APP = 'app:3000', RESOLVER = '127.0.0.11', BUILD_ID } = process.env;

/** Where nginx runs: in the official image, without root. The name server is that of Docker by default. */
export const deployment: NginxDeployment = {
  app: APP,
  listen: 8080,
  resolver: RESOLVER,
  nginxVersion: '1.28',
  directory: '/var/lib/nginx-cache',
  logs: 'streams',
};

export default defineConfig({
  prefix: 'blog:',
  store: memcachedStore({ servers: MEMCACHED }),
  hosts: 'any',
  origin: 'http://localhost:8080',
  ...(BUILD_ID && { version: BUILD_ID }),
});
