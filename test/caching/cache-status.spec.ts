import { Controller, Get, Injectable } from '@nestjs/common';
import { expect, it } from 'vitest';
import { OnPageCache, PageRequested, PageResponding } from '../../lib/index.js';
import { parseCacheStatus } from '../../lib/http/cache-status-field.js';
import { startApplication } from '../support/applications.js';
import { answer } from '../support/site.js';

const REASONS: [given: unknown, shown: string][] = [
  ['draft', 'draft'],
  ['status-404', 'status-404'],
  ['two words', 'two words'],
  ['a "quoted" \\ one', 'a "quoted" \\ one'],
  ['1st', '1st'],
  ['a;b,c=d', 'a;b,c=d'],
  ['größer\r\nSet-Cookie: a=b', 'gr??er??Set-Cookie: a=b'],
  ['', 'unspecified'],
  [undefined, 'unspecified'],
  [new TypeError('an error'), 'TypeError: an error'],
  [42, '42'],
  ['x'.repeat(100_000), 'x'.repeat(100)],
];

@Injectable()
class ReasonsListener {
  @OnPageCache(PageRequested)
  requested(event: PageRequested): void {
    const [, way, index] = /^\/(\w+)\/(\d+)$/.exec(event.address.path) ?? [];
    if (way === 'bypass') event.bypass(REASONS[Number(index)]?.[0] as string);
  }

  @OnPageCache(PageResponding)
  responding(event: PageResponding): void {
    const [, way, index] = /^\/(\w+)\/(\d+)$/.exec(event.draft.address.path) ?? [];
    if (way === 'skip') event.skip(REASONS[Number(index)]?.[0] as string);
  }
}

@Controller()
class AnyController {
  @Get([':way/:index'])
  any() {
    return 'x';
  }
}

it('whatever reason a listener gives, Cache-Status is well-formed and short', async () => {
  const { app, url } = await startApplication({
    platform: 'express',
    controllers: [AnyController],
    providers: [ReasonsListener],
  });
  for (const [index, [, shown]] of REASONS.entries()) {
    for (const [way, fwd] of [
      ['bypass', 'bypass'],
      ['skip', 'miss'],
    ]) {
      const { status, code } = await answer(`${url}/${way}/${index}`);
      expect(code).toBe(200);
      const [own] = parseCacheStatus(status);
      expect(own).toEqual({
        cache: 'nestjs-nginx-cache',
        parameters: new Map([
          ['fwd', fwd],
          ['detail', shown],
        ]),
      });
    }
  }
  await app.close();
});
