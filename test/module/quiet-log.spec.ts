import { Controller, Get, Header, type LoggerService } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NoPageCache, PageCacheService } from '../../lib/index.js';
import { type Site, startSite } from '../support/site.js';

@Controller()
class PagesController {
  @Get('pages/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return '<p>';
  }

  @Get('cookie/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('set-cookie', 'a=b')
  cookie() {
    return '<p>';
  }

  @Get('csp/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', "default-src 'self'")
  csp() {
    return '<p>';
  }

  @Get('never')
  @NoPageCache()
  never() {
    return 'never';
  }
}

/** Everything above debug. */
class LoudLogger implements LoggerService {
  readonly lines: string[] = [];
  debugLines = 0;

  log = (message: unknown) => void this.lines.push(`log ${String(message)}`);
  warn = (message: unknown) => void this.lines.push(`warn ${String(message)}`);
  error = (message: unknown) => void this.lines.push(`error ${String(message)}`);
  fatal = (message: unknown) => void this.lines.push(`fatal ${String(message)}`);
  debug = () => void (this.debugLines += 1);
  verbose = () => void (this.debugLines += 1);
}

let site: Site;
const logger = new LoudLogger();

beforeAll(async () => {
  site = await startSite({ platform: 'express', controllers: [PagesController], logger });
});

afterAll(() => site.stop());

/** Hits, misses, bypasses, pages that are refused, purges: as on a busy day. */
async function visit(round: number): Promise<void> {
  const paths = ['pages', 'cookie', 'csp', 'nothing'].map((kind) => `/${kind}/${round % 5}`);
  for (const path of [...paths, '/never', `/pages/${round}?utm_source=x`, `/pages/${round}/`]) {
    await site.get(path);
    await site.direct(path);
  }
  await site.get('/pages/1', { headers: { cookie: 'sid=1' } });
  await site.get('/pages/1', { method: 'POST' });
  await site.app.get(PageCacheService).purge(`/pages/${round % 5}`);
}

it('logs nothing above debug for a request: only what is new is said, once', async () => {
  for (let round = 0; round < 5; round += 1) await visit(round);
  const said = logger.lines.length;
  const told = logger.debugLines;
  for (let round = 5; round < 30; round += 1) await visit(round);
  // A memcached that is late for a while is a change of state, and is said when it comes and goes.
  const isState = (line: string) =>
    /does not answer|answers again|has not acknowledged|has acknowledged all purges|failed: /.test(line);
  expect(logger.lines.slice(said).filter((line) => !isState(line))).toEqual([]);
  expect(logger.debugLines - told).toBeGreaterThan(100);
});
