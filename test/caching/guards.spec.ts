import type { IncomingMessage } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  type INestApplication,
  Injectable,
  type LoggerService,
  type Provider,
  Scope,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { ClsModule } from 'nestjs-cls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCache, type NginxCacheOptions } from '../../lib/index.js';
import { type ApplicationSetup, type Platform, PLATFORMS } from '../support/applications.js';
import { fate } from '../support/fate.js';
import { type Site, startSite } from '../support/site.js';

const HTML = 'text/html; charset=utf-8';

/** Lets in whoever has the key. */
@Injectable()
class DoorGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<IncomingMessage>().headers['x-door-key'] === 'secret';
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedDoorGuard extends DoorGuard {}

@Injectable()
class PassingGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

/** It may ask for more than the guard that it extends. */
@Injectable()
class StrictPassingGuard extends PassingGuard {}

@Injectable()
class AddressGuard extends ThrottlerGuard {}

const impostor = { ThrottlerGuard: class ThrottlerGuard extends PassingGuard {} }.ThrottlerGuard;

@Controller()
class PagesController {
  @Get('page')
  @Header('content-type', HTML)
  page() {
    return 'secret for key holders';
  }

  @Get('public')
  @PageCache({ public: true })
  @Header('content-type', HTML)
  open() {
    return 'for everybody';
  }

  @Get('tagged')
  @PageCache({ tags: ['a'], ttl: 1000 })
  @SetMetadata('any', 'thing')
  @Header('content-type', HTML)
  tagged() {
    return 'secret for key holders';
  }
}

@Controller('guarded')
@UseGuards(PassingGuard)
class GuardedController {
  @Get('closed')
  @PageCache({ tags: ['a'], ttl: 1000 })
  @Header('content-type', HTML)
  closed() {
    return 'x';
  }

  @Get('open')
  @PageCache({ public: true })
  @Header('content-type', HTML)
  open() {
    return 'x';
  }
}

@Controller('public')
@PageCache({ public: true })
@UseGuards(PassingGuard)
class PublicController {
  @Get('open')
  @Header('content-type', HTML)
  open() {
    return 'x';
  }

  @Get('own-guard')
  @UseGuards(DoorGuard)
  @Header('content-type', HTML)
  ownGuard() {
    return 'x';
  }

  @Get('closed')
  @PageCache({ public: false })
  @Header('content-type', HTML)
  closed() {
    return 'x';
  }

  @Get('harmless')
  @UseGuards(new PassingGuard())
  @PageCache({ public: true })
  @Header('content-type', HTML)
  harmless() {
    return 'x';
  }
}

class Log implements LoggerService {
  readonly lines: string[] = [];
  log(message: unknown) {
    this.lines.push(`log ${String(message)}`);
  }
  warn(message: unknown) {
    this.lines.push(`warn ${String(message)}`);
  }
  error(message: unknown) {
    this.lines.push(`error ${String(message)}`);
  }
  /** What the page cache says of guards. */
  get guards(): string[] {
    return this.lines.filter((line) => line.includes('detail=guarded'));
  }
}

interface GuardedSite {
  providers?: Provider[];
  prepare?: NonNullable<ApplicationSetup['prepare']>;
  options?: NginxCacheOptions;
  imports?: NonNullable<ApplicationSetup['imports']>;
}

async function start(platform: Platform, more: GuardedSite, logger = new Log()): Promise<Site> {
  // What a guard reads is an input, whether its handler is public or not.
  const options = { requestFields: { ignore: ['X-Door-Key'] }, ...more.options };
  return startSite({ platform, controllers: [PagesController], logger, ...more, options });
}

const KEY = { 'x-door-key': 'secret' };

describe.each(PLATFORMS)('guards on %s', (platform) => {
  const GLOBAL: [name: string, how: GuardedSite][] = [
    ['APP_GUARD', { providers: [{ provide: APP_GUARD, useClass: DoorGuard }] }],
    ['APP_GUARD of each request', { providers: [{ provide: APP_GUARD, useClass: ScopedDoorGuard }] }],
    ['useGlobalGuards()', { prepare: (app) => void app.useGlobalGuards(new DoorGuard()) }],
  ];

  it.each(GLOBAL)('of the whole application keep their pages out of the cache: %s', async (_, how) => {
    const log = new Log();
    await using site = await start(platform, how, log);
    const nginx = (path: string, headers = {}) => site.get(path, { headers });
    for (const path of ['/page', '/tagged']) {
      const [own, stranger] = [await nginx(path, KEY), await nginx(path)];
      expect([own.code, own.body.toString()]).toEqual([200, 'secret for key holders']);
      expect(own.status).toBe('nestjs-nginx-cache; fwd=bypass; detail=guarded');
      expect(stranger.code).toBe(403);
      expect(stranger.body.toString()).not.toContain('secret');
    }
    expect(await site.memcached.keys()).toEqual([]);
    expect(await fate(site, '/public', KEY)).toBe('stored');
    expect(await fate(site, '/public')).toBe('hit');
    expect(log.guards).toEqual([
      expect.stringMatching(
        /^warn All handlers are behind (?:Scoped)?DoorGuard: .*harmlessGuards: \[(?:Scoped)?DoorGuard\]/,
      ),
    ]);
  });

  it('do not, when they are declared harmless, and then nobody speaks of them', async () => {
    const log = new Log();
    const providers = [{ provide: APP_GUARD, useClass: PassingGuard }];
    await using site = await start(platform, { providers, options: { harmlessGuards: [PassingGuard] } }, log);
    expect(await fate(site, '/page')).toBe('stored');
    expect(await fate(site, '/page')).toBe('hit');
    expect(log.guards).toEqual([]);
  });

  it('are declared by their exact class', async () => {
    const providers = [{ provide: APP_GUARD, useClass: StrictPassingGuard }];
    await using site = await start(platform, { providers, options: { harmlessGuards: [PassingGuard] } });
    expect(await fate(site, '/page')).toBe('guarded');
  });

  describe('of @nestjs/throttler', () => {
    const imports = [
      ThrottlerModule.forRoot([
        { ttl: 60_000, limit: 1000 },
        { name: 'long', ttl: 600_000, limit: 1000 },
      ]),
    ];

    it('are harmless, and their header fields no loss', async () => {
      await using site = await start(platform, {
        imports,
        providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
      });
      const { headers } = await site.direct('/page');
      expect(headers.get('x-ratelimit-remaining-long')).not.toBeNull();
      expect(await site.log.outcome('/page')).toBe('stored');
      expect(await fate(site, '/page')).toBe('hit');
    });

    it('are not, when they are extended', async () => {
      await using site = await start(platform, {
        imports,
        providers: [{ provide: APP_GUARD, useClass: AddressGuard }],
      });
      expect(await fate(site, '/page')).toBe('guarded');
    });

    it('are not, when they only have the same name', async () => {
      await using site = await start(platform, { providers: [{ provide: APP_GUARD, useClass: impostor }] });
      expect(await fate(site, '/page')).toBe('guarded');
    });
  });

  it.each([true, false])('of nestjs-cls let everybody in, mounted or not (%s)', async (mount) => {
    await using site = await start(platform, { imports: [ClsModule.forRoot({ guard: { mount } })] });
    expect(await fate(site, '/page')).toBe('stored');
    expect(await fate(site, '/page')).toBe('hit');
  });

  it('that are plain objects are asked for what they do', async () => {
    const prepare = (app: INestApplication) => void app.useGlobalGuards({ canActivate: () => Math.random() < 2 });
    await using site = await start(platform, { prepare });
    expect(await fate(site, '/page')).toBe('guarded');
  });

  describe('of single controllers and handlers', () => {
    const log = new Log();
    let site: Site;
    beforeAll(async () => {
      site = await startSite({ platform, controllers: [GuardedController, PublicController], logger: log });
    });
    afterAll(() => site?.stop());

    it.each(['/guarded/closed', '/public/own-guard', '/public/closed'])('keep %s out of the cache', async (path) => {
      expect(await fate(site, path, KEY)).toBe('guarded');
      expect(await fate(site, path, KEY)).toBe('guarded');
    });

    it.each(['/guarded/open', '/public/open', '/public/harmless'])(
      'leave %s in, which says that it is public',
      async (path) => {
        expect(await fate(site, path)).toBe('stored');
        expect(await fate(site, path)).toBe('hit');
      },
    );

    it('are named in the log once', () => {
      expect(log.guards).toEqual([expect.stringMatching(/^log Pages behind PassingGuard, DoorGuard are not cached/)]);
    });
  });
});
