import { defineConfig, memcachedStore } from 'nestjs-nginx-cache';

/** For the application and for nginx, so that both do the same. */
export const pageCacheOptions = () =>
  defineConfig({
    prefix: 'blog:',
    store: memcachedStore({ servers: process.env.MEMCACHED ?? '127.0.0.1:11211' }),
    hosts: 'any',
  });
