import {
  defineConfig,
  fileStore,
  memcachedStore,
  memoryStore,
  type NginxDeployment,
  type NginxFlavour,
} from 'nestjs-nginx-cache';
import { SESSION_COOKIE } from './auth/session-cookie.js';
import { settings } from './settings.js';

/** Where nginx finds the blog: for `nginx-cache conf`. */
export const deployment: NginxDeployment = { app: `127.0.0.1:${settings.port}` };

/** The same for everybody, but for the bar in their header. */
const PAGES = ['/', '/posts/*', '/tags/*'];

/** Read by AppModule and by the script that writes nginx.conf, so that Nest and nginx cannot disagree. */
export default defineConfig({
  prefix: 'blog:',
  ttl: 600_000,
  store: store(),
  // The module checks it.
  ...(settings.flavour && { nginx: { flavour: settings.flavour as NginxFlavour } }),
  // A demonstration has no name of its own. A site gives its names: ['example.com'].
  hosts: 'any',
  origin: new URL(settings.siteUrl).origin,
  // Other cookies say nothing about a reader.
  anonymousOnly: { sessionCookies: [SESSION_COOKIE] },
  // Whoever is logged in gets these, too.
  shared: [...PAGES, '/feed.xml', '/api/posts'],
  fragments: PAGES,
  exclude: ['/admin/*', '/login', '/assets/*'],
  query: { allow: ['page'], ignore: [/^utm_/, 'gclid', 'fbclid'] },
  compress: 'gzip',
});

function store() {
  if (settings.pages) return fileStore({ root: settings.pages });
  return settings.memcached.length ? memcachedStore({ servers: settings.memcached }) : memoryStore();
}
