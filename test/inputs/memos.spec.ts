import type { IncomingMessage } from 'node:http';
import { Controller, type ExecutionContext, Get, Header, type INestApplication, Injectable, Req } from '@nestjs/common';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OnPageCache,
  PageCache,
  PageCacheService,
  PageRequested,
  PageResponding,
  RequestArrived,
} from '../../lib/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { fateOf } from '../support/fate.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

const MEMO = Symbol('device');
type Asked = IncomingMessage & { device?: string; raw?: Asked; [MEMO]?: string; fixed?: string; decided?: boolean };
const rawOf = (request: Asked) => request.raw ?? request;

const localsOf = (request: Asked) =>
  ((rawOf(request) as { res?: { locals?: Record<string, unknown> } }).res?.locals ?? request) as Record<
    string,
    unknown
  >;

const deviceOf = (request: Asked): string => (request.device ??= `from ${request.headers['user-agent']}`);

/** What is asked before the handler runs, and what the handler does afterwards; the page shows what that returns. */
const CASES: Record<string, { ask: (request: Asked) => unknown; show: (request: Asked) => unknown; reason: string }> = {
  'a memo': { ask: deviceOf, show: deviceOf, reason: 'reads-user-agent' },
  'a memo under a symbol': {
    ask: (request) => (request[MEMO] = request.headers['user-agent'] ?? ''),
    show: (request) => request[MEMO],
    reason: 'reads-user-agent',
  },
  'a memo that says no': {
    ask: (request) => (request.decided = /bot/.test(request.headers['user-agent'] ?? '')),
    show: (request) => request.decided,
    reason: 'reads-user-agent',
  },
  'a property that cannot be changed': {
    ask: (request) => Object.defineProperty(request, 'fixed', { value: request.headers['user-agent'] }),
    show: (request) => request.fixed,
    reason: 'reads-user-agent',
  },
  'a memo for the template': {
    ask: (request) => Object.assign(localsOf(request), { device: request.headers['user-agent'] }),
    show: (request) => localsOf(request)['device'],
    reason: 'reads-user-agent',
  },
  'a memo in the place of something else': {
    ask: (request) => Object.assign(request, { client: request.headers['user-agent'] }),
    show: (request) => (request as { client?: unknown }).client,
    reason: 'reads-user-agent',
  },
  'a memo that nobody reads': { ask: deviceOf, show: () => 'nothing', reason: 'stored' },
  'a memo that was replaced': {
    ask: deviceOf,
    show: (request) => {
      request.device = 'any';
      return request.device;
    },
    reason: 'stored',
  },
  'what was made from nothing': {
    ask: (request) => (request.device = 'any'),
    show: (request) => request.device,
    reason: 'stored',
  },
};
const caseOf = (request: Asked) => CASES[decodeURIComponent(rawOf(request).url?.split('/')[2] ?? '')];

@Controller()
class MemoController {
  @Get('asked/:case/:by')
  @Header('content-type', 'text/html; charset=utf-8')
  @PageCache({
    skipIf: (context: ExecutionContext) => {
      const request = context.switchToHttp().getRequest<Asked>();
      if (rawOf(request).url?.endsWith('/skipIf')) caseOf(request)?.ask(request);
      return false;
    },
  })
  asked(@Req() request: Asked) {
    const one = rawOf(request).url?.endsWith('/skipIf') ? request : rawOf(request);
    return `<p>${String(caseOf(request)?.show(one))}</p>`;
  }

  @Get('plain')
  @Header('content-type', 'text/html; charset=utf-8')
  plain() {
    return 'page';
  }

  @Get('early')
  @Header('content-type', 'text/html; charset=utf-8')
  early(@Req() request: Asked) {
    return `<p>${deviceOf(rawOf(request))}</p>`;
  }
}

@Injectable()
class Listener {
  @OnPageCache(PageRequested)
  onRequested({ request }: PageRequested) {
    if (request.url?.endsWith('/listener')) caseOf(request)?.ask(request);
  }
}

/** Looks at requests before they are observed, and again when the response is known. */
@Injectable()
class EarlyListener {
  @OnPageCache(RequestArrived)
  @OnPageCache(PageRequested)
  @OnPageCache(PageResponding)
  async onArrived({ request }: { request: Asked }) {
    await turn();
    if (request.url === '/early') deviceOf(request);
  }
}

describe.each(PLATFORMS)('what a question leaves on a request, on %s', (platform) => {
  let app: INestApplication;
  let url: string;
  const start = async (listener: typeof Listener | typeof EarlyListener) => {
    const parts = { controllers: [MemoController], providers: [PageLog, listener] };
    ({ app, url } = await startApplication({ platform, ...parts }));
  };
  const outcome = async (target: string) => {
    app.get(PageLog).forget();
    const { status } = await answer(url + target, { headers: { 'user-agent': 'alice' } });
    return fateOf(status, target, app.get(PageLog));
  };

  describe('when a handler may become a page', () => {
    beforeAll(() => start(Listener));
    afterAll(() => app.close());

    it.each(
      Object.entries(CASES).flatMap(([name, { reason }]) => ['skipIf', 'listener'].map((by) => [name, by, reason])),
    )('%s, of %s: %s', async (name = '', by = '', reason) => {
      expect(await outcome(`/asked/${encodeURIComponent(name)}/${by}`)).toBe(reason);
    });
  });

  describe('when it has arrived', () => {
    beforeAll(() => start(EarlyListener));
    afterAll(() => app.close());

    it('is no page either', async () => {
      // The application looks for a page before its handlers do once it knows that the address is that of a page.
      for (const _ of ['first', 'then']) expect(await outcome('/early')).toMatch(/^reads-(?:user-agent|every-field)$/);
    });

    it('is nothing that Node itself sets meanwhile', async () => {
      for (const _ of ['first', 'then']) {
        expect(await outcome('/plain')).toBe('stored');
        await app.get(PageCacheService).purge('/plain');
      }
    });
  });
});
