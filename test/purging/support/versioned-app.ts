/** The program of each process: pages that show versions from a file, rendered in random time. */
export const VERSIONED_APP = `
import 'reflect-metadata';
import { openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  fileStore, memcachedStore, NginxCacheModule, OnPageCache, PageCacheService, PageSkipped, PageStored, PurgeIncompleteError,
} from './lib/index.js';
import { PendingPurges } from './lib/purging/pending-purges.js';

const { servers, list, root, ttl, path, seed, things, stale, fails } = JSON.parse(process.argv[2]!);
const file = openSync(path, 'r');
let state = seed + process.pid;
const random = () => {
  state = (state * 1664525 + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const counts = { renders: 0, stored: 0, ahead: 0, skipped: {} as Record<string, number> };

function read(thing: number): string {
  const bytes = Buffer.alloc(4);
  readSync(file, bytes, 0, 4, thing * 4);
  return thing + '=' + bytes.readUInt32LE();
}

async function render(shown: number[]): Promise<string> {
  counts.renders += 1;
  await delay(random() * 10);
  const text = shown.map(read).join(' ');
  await delay(random() < 0.05 ? random() * 700 : random() * 60);
  return '<p>' + text + '</p>' + 'x'.repeat(random() * 3000);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

@Controller()
class ThingsController {
  constructor(private readonly pages: PageCacheService) {}

  private page(shown: number[]) {
    this.pages.current()?.tag(...shown.map((thing) => 'thing:' + thing));
    return render(shown);
  }
  @Get('home') @Header('content-type', 'text/html; charset=utf-8') home() { return this.page(range(0, things)); }
  @Get('list/:n') @Header('content-type', 'text/html; charset=utf-8') list(@Param('n') n: string) { return this.page(range(n * 5, n * 5 + 5)); }
  @Get('thing/:n') @Header('content-type', 'text/html; charset=utf-8') thing(@Param('n') n: string) { return this.page([+n]); }
  @Get('sub/:s/:n') @Header('content-type', 'text/html; charset=utf-8') sub(@Param('n') n: string) { return this.page([+n]); }
}
Reflect.defineMetadata('design:paramtypes', [PageCacheService], ThingsController);

class Stored {
  @OnPageCache(PageStored) onStored({ cause }: PageStored) {
    counts.stored += 1;
    if (cause === 'refresh-ahead') counts.ahead += 1;
  }
  @OnPageCache(PageSkipped) onSkipped({ reason }: PageSkipped) { counts.skipped[reason] = (counts.skipped[reason] ?? 0) + 1; }
}

const store = root
  ? fileStore({ root })
  : memcachedStore(list ? { servers: () => JSON.parse(readFileSync(list, 'utf8')), refreshInterval: 1000 } : { servers });

@Module({
  imports: [NginxCacheModule.forRoot({ store: store, ttl, ...stale })],
  controllers: [ThingsController],
  providers: [Stored],
})
class AppModule {}

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
app.use((_request: unknown, response: { statusCode: number; end(text: string): void }, next: () => void) => {
  if (!fails || random() > 0.1) return next();
  response.statusCode = 503;
  response.end('middleware has failed');
});
await app.listen(0, '127.0.0.1');
const pages = app.get(PageCacheService);

const pathsOf = (thing: number) => ['/home', '/list/' + Math.floor(thing / 5), '/thing/' + thing, '/sub/' + (thing % 7) + '/' + thing];

async function purge(thing: number, how: string): Promise<unknown> {
  const [home, list, own, sub] = pathsOf(thing) as [string, string, string, string];
  switch (how) {
    case 'paths': return pages.purge(home, list, own, sub);
    case 'entity': return pages.purge({ dependentPaths: async () => pathsOf(thing) });
    case 'tags': return pages.purgeTags('thing:' + thing);
    case 'subtree': return Promise.all([pages.purge(home, list, own), pages.purgeUnder('/sub/' + (thing % 7))]);
    case 'matching': return pages.purgeMatching(new RegExp('^/(home|list/' + Math.floor(thing / 5) + '|(thing|sub/\\\\d+)/' + thing + ')$'));
    case 'refresh': return pages.refresh(home, list, own, sub);
  }
}

async function answer(question: { kind: string; thing: number; purge: string }): Promise<unknown> {
  switch (question.kind) {
    case 'address': return new URL(await app.getUrl()).host;
    case 'counts': return counts;
    case 'pending': return app.get(PendingPurges).size;
    default:
      try {
        await purge(question.thing, question.purge);
        return {};
      } catch (error) {
        if (error instanceof PurgeIncompleteError) return { pending: error.pending };
        throw error;
      }
  }
}
`;
