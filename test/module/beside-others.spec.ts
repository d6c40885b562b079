import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { CACHE_MANAGER, type Cache, CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, type ExecutionContext, Get, Header, Inject, Injectable, UseInterceptors } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Field, GraphQLModule, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WsAdapter } from '@nestjs/platform-ws';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import compression from 'compression';
import helmet from 'helmet';
import { AcceptLanguageResolver, I18n, I18nContext, I18nModule } from 'nestjs-i18n';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { NoPageCache, PageCacheService } from '../../lib/index.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';
let title = 'first';

@Controller()
class ShopController {
  @Get('page')
  @Header('content-type', HTML)
  page(@I18n() i18n: I18nContext) {
    return `<h1>${i18n.t('greeting.hello')}, ${title}</h1>`;
  }

  @Get('twice')
  @Header('content-type', HTML)
  @UseInterceptors(CacheInterceptor)
  twice() {
    return `<h1>${title}</h1>`;
  }

  @Get('api')
  @NoPageCache()
  @UseInterceptors(CacheInterceptor)
  api() {
    return { title };
  }
}

@ObjectType()
class Product {
  @Field(() => String)
  title!: string;
}

@Resolver(() => Product)
class ProductResolver {
  constructor(@Inject(PageCacheService) private readonly pages: PageCacheService) {}

  @Query(() => Product)
  product(): Product {
    return { title };
  }

  @Mutation(() => Product)
  async rename(): Promise<Product> {
    title = 'second';
    await this.pages.purge('/page');
    return { title };
  }
}

@WebSocketGateway({ path: '/socket' })
class ShopGateway {
  @SubscribeMessage('title')
  title() {
    return { event: 'title', data: title };
  }
}

/** ThrottlerGuard itself fails where there is no HTTP response. */
@Injectable()
class HttpThrottlerGuard extends ThrottlerGuard {
  protected override async shouldSkip(context: ExecutionContext) {
    return context.getType() !== 'http';
  }
}

/** Of helmet, without those that differ between its versions. */
const HELMET = { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'self'"] } } };

const languages = mkdtempSync(join(tmpdir(), 'i18n-'));
let site: Site;

beforeAll(async () => {
  for (const [language, hello] of Object.entries({ en: 'Hello', de: 'Hallo' })) {
    mkdirSync(join(languages, language));
    writeFileSync(join(languages, language, 'greeting.json'), JSON.stringify({ hello }));
  }
  site = await startSite({
    platform: 'express',
    controllers: [ShopController],
    imports: [
      CacheModule.register({ ttl: 60_000 }),
      ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1000 }]),
      I18nModule.forRoot({
        fallbackLanguage: 'en',
        loaderOptions: { path: languages },
        resolvers: [AcceptLanguageResolver],
      }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, csrfPrevention: false }),
    ],
    providers: [ProductResolver, ShopGateway, { provide: APP_GUARD, useClass: HttpThrottlerGuard }],
    options: {
      nginx: { flavour: 'srcache' },
      harmlessGuards: [HttpThrottlerGuard],
      variants: [{ name: 'lang', header: 'Accept-Language', values: ['en', 'de'], default: 'en' }],
    },
    prepare: (app) => {
      (app as NestExpressApplication).use(helmet(HELMET), compression({ threshold: 0 }));
      app.useWebSocketAdapter(new WsAdapter(app));
    },
  });
});
afterAll(async () => {
  await site?.stop();
  rmSync(languages, { recursive: true });
});
beforeEach(async () => {
  title = 'first';
  await site.app.get(PageCacheService).purgeAll();
});

const text = async (target: string, init?: RequestInit) => (await site.get(target, init)).body.toString();

it('the page of each language is stored, packed, with the fields of helmet, although a guard counts requests', async () => {
  for (const [language, greeting] of [
    ['en', 'Hello'],
    ['de', 'Hallo'],
  ] as const) {
    const init = { headers: { 'accept-language': language, 'accept-encoding': 'gzip' } };
    await site.get('/page', init);
    await expect.poll(async () => (await site.get('/page', init)).status).toBe('nginx; hit');
    const hit = await site.get('/page', init);
    expect(hit.body.toString()).toBe(`<h1>${greeting}, first</h1>`);
    expect(hit.headers.get('content-security-policy')).toBe("default-src 'self'");
  }
});

it('GraphQL is answered by the application, and a resolver purges pages', async () => {
  const init = { headers: { 'accept-language': 'en' } };
  await site.get('/page', init);
  await expect.poll(async () => (await site.get('/page', init)).status).toBe('nginx; hit');
  const query = `/graphql?query=${encodeURIComponent('{ product { title } }')}`;
  for (const _ of [1, 2]) {
    const answer = await site.get(query);
    expect(JSON.parse(answer.body.toString())).toEqual({ data: { product: { title: 'first' } } });
    expect(answer.status).toMatch(/fwd=bypass/);
  }
  const mutation = await site.get('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'mutation { rename { title } }' }),
  });
  expect(JSON.parse(mutation.body.toString())).toEqual({ data: { rename: { title: 'second' } } });
  expect(await text('/page', init)).toBe('<h1>Hello, second</h1>');
});

it('a WebSocket comes through nginx', async () => {
  const socket = new WebSocket(`${site.nginx.url.replace('http', 'ws')}/socket`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ event: 'title' }));
  const [message] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(message.toString())).toEqual({ event: 'title', data: 'first' });
  socket.close();
  await once(socket, 'close');
});

it('a handler with CacheInterceptor goes on without the page cache', async () => {
  expect(await text('/api')).toBe('{"title":"first"}');
  title = 'second';
  const again = await site.get('/api');
  expect([again.body.toString(), again.headers.get('x-cache')]).toEqual(['{"title":"first"}', 'HIT']);
  expect(again.status).toMatch(/fwd=bypass/);
});

it('what CacheInterceptor has kept from before a purge is not stored again', async () => {
  const first = await site.get('/twice');
  expect([first.headers.get('x-cache'), await site.log.outcome('/twice')]).toEqual(['MISS', 'stored']);
  await expect.poll(async () => (await site.get('/twice')).status).toBe('nginx; hit');
  expect((await site.get('/twice')).headers.get('x-cache')).toBeNull();
  title = 'second';
  await site.app.get(PageCacheService).purge('/twice');
  site.log.forget();
  const second = await site.get('/twice');
  expect([second.body.toString(), second.headers.get('x-cache')]).toEqual(['<h1>first</h1>', 'HIT']);
  expect(await site.log.outcome('/twice')).toBe('inner-cache');
  await site.app.get<Cache>(CACHE_MANAGER).clear();
  expect(await text('/twice')).toBe('<h1>second</h1>');
});
