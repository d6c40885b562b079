import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header, Headers, type INestApplication, Param, type Type } from '@nestjs/common';
import { fileStore, nginxConf, type NginxCacheOptions, type NginxFlavour, PageCacheService } from '../../lib/index.js';
import { freePort, MemcachedServer, NginxServer } from '../../lib/testing/index.js';
import { startApplication } from '../support/applications.js';
import { selfSigned } from '../support/certificate.js';
import { debianNginx } from '../support/debian-nginx.js';
import { temporaryRoot } from '../support/files-site.js';
import { listenTls } from '../support/listen-tls.js';
import { patient, patientStore } from '../support/patience.js';
import { TlsClient } from '../support/tls-client.js';

const HTML = 'text/html; charset=utf-8';
export const BODY = `<h1>blog</h1>${'<p>Grüße, 0123456789</p>'.repeat(500)}`;
export const STYLES = 'body { color: green }';

@Controller()
export class BlogController {
  static renders = 0;

  @Get('posts/:id')
  @Header('content-type', HTML)
  post() {
    BlogController.renders += 1;
    return BODY;
  }

  @Get('scheme')
  @Header('content-type', HTML)
  scheme(@Headers('x-forwarded-proto') scheme: string, @Headers('host') host: string) {
    return `${scheme}://${host}`;
  }

  @Get('assets/:file')
  asset(@Param('file') file: string) {
    return `${file} of the application`;
  }
}

@Controller()
class ShopController {
  @Get('posts/:id')
  @Header('content-type', HTML)
  post() {
    return '<h1>shop</h1>';
  }
}

/** The blocks of the guide that say in which file they stand, by its path in /etc/nginx. */
export const DOCUMENTED: readonly (readonly [path: string, text: string])[] = Array.from(
  readFileSync(join(import.meta.dirname, '../../docs/nginx.md'), 'utf8').matchAll(
    /^```nginx\n# \/etc\/nginx\/(\S+)\n(.*?)^```$/gms,
  ),
  ([, path = '', text = '']) => [path, text],
);

/** The two sites of docs/nginx.md, as they are written there. */
export interface DocumentedSite extends AsyncDisposable {
  readonly nginx: NginxServer;
  readonly client: TlsClient;
  readonly memcached: MemcachedServer;
  readonly blog: PageCacheService;
  readonly shop: PageCacheService;
}

export async function startDocumentedSite(flavour: NginxFlavour): Promise<DocumentedSite> {
  const memcached = await MemcachedServer.start();
  const root = temporaryRoot();
  const options = (prefix: string): NginxCacheOptions => ({
    prefix,
    store: flavour === 'files' ? fileStore({ root }) : patientStore(memcached.address),
    nginx: { flavour },
    anonymousOnly: { sessionCookies: ['sid'] },
    exclude: ['/assets/*'],
    query: { allow: ['page'] },
  });
  const start = (prefix: string, controller: Type) =>
    startApplication({ isPatient: true, platform: 'express', options: options(prefix), controllers: [controller] });
  const blog = await start('blog:', BlogController);
  const shop = await start('shop:', ShopController);
  const { certificate, key } = selfSigned('example.com', 'www.example.com', 'shop.example');
  const tlsPort = await freePort();
  const nginx = await NginxServer.start(({ port, directory }) => {
    const pieces = Object.entries({ blog, shop }).flatMap(([name, { address }]) => {
      const conf = nginxConf(options(`${name}:`), { app: address, directory: `${directory}/page-cache/${name}` });
      const files = { 'http.conf': conf.http, 'server.conf': conf.server, ...conf.files };
      return Object.entries(files).map(([path, text]) => [`page-cache/${name}/${path}`, patient(text)]);
    });
    const certificates = ['example.com', 'shop.example'].flatMap((name) => [
      [`${name}/fullchain.pem`, certificate],
      [`${name}/privkey.pem`, key],
    ]);
    return debianNginx(directory, {
      ...documented(directory, port, tlsPort),
      ...(Object.fromEntries(pieces) as Record<string, string>),
      ...(Object.fromEntries(certificates) as Record<string, string>),
      'srv/blog/public/assets/site.css': STYLES,
    });
  });
  const client = new TlsClient(tlsPort, certificate);
  const pages = (app: INestApplication) => app.get(PageCacheService);
  return {
    nginx,
    client,
    memcached,
    blog: pages(blog.app),
    shop: pages(shop.app),
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await nginx.stop();
      await blog.app.close();
      await shop.app.close();
      await memcached.stop();
      rmSync(root, { recursive: true });
    },
  };
}

/** The files of the guide with the ports and the paths of a test. */
function documented(directory: string, httpPort: number, tlsPort: number): Record<string, string> {
  const changes: [from: RegExp, to: string][] = [
    // Not every machine has IPv6.
    [/^ *listen \[::\].*\n/gm, ''],
    [/listen 80;/g, `listen 127.0.0.1:${httpPort};`],
    [/listen 443 ssl http2;/g, listenTls(tlsPort)],
    [/\/etc\/nginx|\/etc\/letsencrypt\/live|(?=\/srv\/blog)/g, directory],
  ];
  const changed = (text: string) => changes.reduce((result, [from, to]) => result.replace(from, to), text);
  return Object.fromEntries(DOCUMENTED.map(([path, text]) => [path, changed(text)]));
}
