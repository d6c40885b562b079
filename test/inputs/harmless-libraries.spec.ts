import { Writable } from 'node:stream';
import {
  Controller,
  Get,
  Header,
  Param,
  Req,
  type INestApplication,
  type LoggerService,
  UseGuards,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ServeStaticModule } from '@nestjs/serve-static';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import fastifyCompress from '@fastify/compress';
import fastifyCookie from '@fastify/cookie';
import fastifyHelmet from '@fastify/helmet';
import fastifySession from '@fastify/session';
import compression from 'compression';
import cookieParser from 'cookie-parser';
import session from 'express-session';
import helmet from 'helmet';
import morgan from 'morgan';
import { ClsModule } from 'nestjs-cls';
import { LoggerModule } from 'nestjs-pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCache } from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { rateLimit } from 'express-rate-limit';
import { slowDown } from 'express-slow-down';
import { fate } from '../support/fate.js';
import { type Platform, PLATFORMS } from '../support/applications.js';
import { type Site, startSite } from '../support/site.js';

expect.extend(pageCacheMatchers);

interface Copied {
  ip: string;
  rateLimit?: object;
  slowDown?: object;
  _remoteAddress: string;
  raw?: Copied;
}

@Controller()
class PagesController {
  @Get('page')
  @PageCache()
  @UseGuards(ThrottlerGuard)
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>page</p>'.repeat(500);
  }

  /** What morgan and middie have left on the request. */
  @Get('address')
  @Header('content-type', 'text/html; charset=utf-8')
  address(@Req() request: Copied) {
    const { ip, _remoteAddress: remote } = request.raw ?? request;
    return `<p>${ip} ${remote}</p>`;
  }

  @Get('left-by-morgan')
  @Header('content-type', 'text/html; charset=utf-8')
  leftByMorgan(@Req() request: Copied) {
    return `<p>${(request.raw ?? request)._remoteAddress}</p>`;
  }
}

const LIMITERS = ['rateLimit', 'slowDown'] as const;

@Controller()
class LimitedController {
  @Get('limited/:name')
  @Header('content-type', 'text/html; charset=utf-8')
  limited(@Param('name') name: 'rateLimit' | 'slowDown' | 'nothing', @Req() request: Copied) {
    return name === 'nothing' ? 'page' : `<p>${JSON.stringify(request[name])}</p>`;
  }
}

const lines: string[] = [];
const log = new Writable({
  write(chunk: Buffer, _, done) {
    lines.push(chunk.toString());
    done();
  },
});

async function prepare(app: INestApplication, platform: Platform): Promise<void> {
  app.enableCors();
  const secret = 'a secret of at least thirty-two characters';
  if (platform === 'express') {
    const express = app as NestExpressApplication;
    express.set('trust proxy', 1);
    express.use(helmet({ contentSecurityPolicy: false }), compression({ threshold: 0 }), cookieParser());
    express.use(session({ secret, resave: false, saveUninitialized: false, cookie: { secure: 'auto' } }));
  } else {
    const fastify = app as NestFastifyApplication;
    await fastify.register(fastifyHelmet, { contentSecurityPolicy: false });
    await fastify.register(fastifyCompress, { threshold: 0 });
    await fastify.register(fastifyCookie);
    await fastify.register(fastifySession, { secret, saveUninitialized: false });
  }
  app.use(morgan('combined', { stream: log }));
  app.use(morgan('combined', { stream: log, immediate: true }));
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, new DocumentBuilder().build()));
}

describe.each(PLATFORMS)('an application with libraries that only do their work, on %s', (platform) => {
  let site: Site;
  const warnings: string[] = [];
  const note = (message: unknown) => void warnings.push(String(message));
  const logger: LoggerService = { log() {}, debug() {}, verbose() {}, warn: note, error: note };
  beforeAll(async () => {
    site = await startSite({
      platform,
      controllers: [PagesController],
      options: { nginx: { flavour: 'srcache' } },
      imports: [
        LoggerModule.forRoot({ pinoHttp: { stream: log } as never }),
        ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1000 }]),
        ClsModule.forRoot({ global: true, middleware: { mount: true, generateId: true } }),
        ServeStaticModule.forRoot({ rootPath: import.meta.dirname, serveRoot: '/static' }),
      ],
      fastify: { trustProxy: true, logger: { stream: log } } as never,
      logger,
      prepare: (created) => prepare(created, platform),
    });
  });
  afterAll(() => site?.stop());

  it('has its pages cached', async () => {
    const headers = {
      'user-agent': 'one',
      origin: 'https://one.example',
      'x-forwarded-for': '192.0.2.1',
      'accept-encoding': 'gzip',
    };
    const first = await site.get('/page', { headers });
    expect([first.status, warnings]).toEqual(['nestjs-nginx-cache; fwd=miss; stored', []]);
    expect(await site.log.outcome('/page')).toBe('stored');
    expect((await site.get('/page', { headers: { 'user-agent': 'two' } })).status).toBe('nginx; hit');
    expect(await site.direct('/page', { headers: { 'user-agent': 'two' } })).toBePageCacheHit();
    // The readers were at work.
    expect(lines.join('')).toContain('192.0.2.1');
    expect(lines.join('')).toContain('"user-agent":"one"');
  });

  it.each(['/address', '/left-by-morgan'])(
    'does not store what a handler makes of what they have left: %s',
    async (target) => {
      const { status } = await site.get(target, { headers: { 'x-forwarded-for': '192.0.2.1' } });
      expect(status).toMatch(/^nestjs-nginx-cache; fwd=miss; detail=reads-(remote-address|x-forwarded-for)$/);
    },
  );
});

it('what rate limiters leave on a request is that of one visitor', async () => {
  await using site = await startSite({
    platform: 'express',
    controllers: [LimitedController],
    prepare: (app) =>
      void app.use(rateLimit({ limit: 1000, validate: false }), slowDown({ delayAfter: 1000, validate: false })),
  });
  expect((await site.get('/limited/nothing')).status).toBe('nestjs-nginx-cache; fwd=miss; stored');
  for (const name of LIMITERS) {
    expect(await fate(site, `/limited/${name}`)).toBe('reads-remote-address');
  }
});
