import { Controller, Get, Header, type INestApplication, Req } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { describe, expect, it } from 'vitest';
import { nginxConf, type NginxCacheOptions } from '../../lib/index.js';
import { freePort, MemcachedServer, NginxServer, RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { type Platform, PLATFORMS, startApplication } from '../support/applications.js';
import { selfSigned } from '../support/certificate.js';
import { debianNginx } from '../support/debian-nginx.js';
import { PageLog } from '../support/page-log.js';
import { patient, patientStore } from '../support/patience.js';
import { TlsClient } from '../support/tls-client.js';

const HOST = 'example.com';

@Controller()
class SchemeController {
  @Get('page')
  @Header('content-type', 'text/html; charset=utf-8')
  show(@Req() { protocol }: { protocol: string }) {
    return `<a href="${protocol}://${HOST}/">home</a>`;
  }
}

/** As express-sslify and its kin do. */
const forceHttps: Record<Platform, (app: INestApplication) => void> = {
  express: (app) => {
    (app as NestExpressApplication).set('trust proxy', 'loopback');
    app.use(
      (
        { secure, originalUrl }: { secure: boolean; originalUrl: string },
        response: { redirect(status: number, url: string): void },
        next: () => void,
      ) => (secure ? next() : response.redirect(301, `https://${HOST}${originalUrl}`)),
    );
  },
  fastify: (app) => {
    (app as NestFastifyApplication)
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', async (request, reply) => {
        if (request.protocol !== 'https') return reply.redirect(`https://${HOST}${request.originalUrl}`, 301);
        return undefined;
      });
  },
};

/** A load balancer that terminates TLS, and one for plain HTTP, in front of nginx in front of the application. */
async function start(platform: Platform, trustedProxies: string[]) {
  const memcached = await MemcachedServer.start();
  const options: NginxCacheOptions = {
    hosts: [HOST],
    store: patientStore(memcached.address),
    // Fastify compares it with the proxies that it trusts.
    requestFields: { ignore: [':remote-address'] },
  };
  const { app, address } = await startApplication({
    isPatient: true,
    platform,
    options,
    controllers: [SchemeController],
    providers: [PageLog],
    prepare: forceHttps[platform],
    fastify: { trustProxy: '127.0.0.1' },
  });
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(options, { app: address, listen: `127.0.0.1:${port}`, directory, trustedProxies });
    return { ...conf, full: patient(conf.full) };
  });
  const { certificate, key } = selfSigned(HOST);
  const tlsPort = await freePort();
  const balancer = await NginxServer.start(({ port, directory }) => {
    const proxy = `
      location / {
        proxy_pass ${nginx.url};
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-For $remote_addr;
      }`;
    return debianNginx(directory, {
      'certificate.pem': certificate,
      'key.pem': key,
      'sites-enabled/balancer': `
        server { listen 127.0.0.1:${port}; ${proxy} }
        server {
          listen 127.0.0.1:${tlsPort} ssl;
          ssl_certificate ${directory}/certificate.pem; ssl_certificate_key ${directory}/key.pem;
          ${proxy}
        }`,
    });
  });
  const client = new TlsClient(tlsPort, certificate);
  return {
    log: app.get(PageLog),
    plainPort: balancer.port,
    https: () => client.http1(HOST, '/page'),
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await balancer.stop();
      await nginx.stop();
      await app.close();
      await memcached.stop();
    },
  };
}

describe.each(PLATFORMS)('a load balancer with TLS, nginx, and an application that forces HTTPS on %s', (platform) => {
  it('serves pages, and stores them, when nginx trusts the load balancer', async () => {
    await using site = await start(platform, ['127.0.0.1']);
    await using plain = new RawClient(site.plainPort);
    const redirect = await plain.send(`GET /page HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    expect([redirect.status, field(redirect, 'location')]).toEqual([301, `https://${HOST}/page`]);
    const first = await site.https();
    expect([first.status, first.body.toString()]).toEqual([200, `<a href="https://${HOST}/">home</a>`]);
    expect(first.headers['cache-status']).toBe('nestjs-nginx-cache; fwd=miss; stored');
    expect(await site.log.outcome('/page')).toBe('stored');
    const second = await site.https();
    expect([second.status, second.headers['cache-status']]).toEqual([200, 'nginx; hit']);
    expect(second.body.equals(first.body)).toBe(true);
  });

  it('redirects forever when it does not', async () => {
    await using site = await start(platform, []);
    const { status, headers } = await site.https();
    expect([status, headers.location]).toEqual([301, `https://${HOST}/page`]);
  });
});
