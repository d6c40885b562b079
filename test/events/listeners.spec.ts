import { Controller, Get, Global, Header, HttpCode, Injectable, Module, Scope } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LISTENERS,
  NginxCacheConfigError,
  OnPageCache,
  PageCacheFailed,
  PageRendered,
  PageRequested,
  PageResponding,
  PageSkipped,
  PageStored,
  SetCookieListener,
  StatusListener,
} from '../../lib/index.js';
import { pageCacheMatchers } from '../../lib/testing/index.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

expect.extend(pageCacheMatchers);

const seen: string[] = [];
const saw = (what: string) => void seen.push(what);

@Injectable()
class FirstListener {
  @OnPageCache(PageRequested)
  async requested(event: PageRequested) {
    await new Promise(setImmediate);
    saw('first requested');
    if (event.address.path === '/pages/bypassed') event.bypass('first');
  }

  @OnPageCache(PageResponding)
  responding(event: PageResponding) {
    saw(`first responding ${event.status}`);
  }

  @OnPageCache(PageRendered)
  async rendered(event: PageRendered) {
    await new Promise(setImmediate);
    saw('first rendered');
    if (event.page.body.includes('draft')) event.skip('draft');
  }

  @OnPageCache(PageStored)
  @OnPageCache(PageSkipped)
  end(event: PageStored | PageSkipped) {
    saw(event instanceof PageStored ? 'first stored' : `first skipped ${event.reason}`);
  }
}

@Injectable()
class SecondListener {
  @OnPageCache(PageRequested)
  requested() {
    saw('second requested');
  }

  @OnPageCache(PageRendered)
  rendered() {
    saw('second rendered');
  }
}

/** Made by a factory, so that Nest does not know its class. */
class FactoryListener {
  @OnPageCache(PageStored)
  stored() {
    saw('factory stored');
  }
}

@Controller('pages')
class ListeningController {
  @Get(':name')
  @Header('content-type', 'text/html; charset=utf-8')
  page() {
    return 'page';
  }

  @Get('draft/:name')
  @Header('content-type', 'text/html; charset=utf-8')
  draft() {
    return 'draft';
  }

  @OnPageCache(PageStored)
  stored() {
    saw('controller stored');
  }
}

@Global()
@Module({
  providers: [
    SecondListener,
    { provide: 'factory', useFactory: () => new FactoryListener() },
    { provide: 'alias', useExisting: 'factory' },
    { provide: 'value', useValue: { nothing: 'to do with it' } },
  ],
  exports: [SecondListener],
})
class OtherModule {}

const controllers = [ListeningController];

describe.each(PLATFORMS)('listeners on %s', (platform) => {
  it('are asked in order, wherever they are, until one refuses', async () => {
    const { app, url } = await startApplication({
      platform,
      controllers,
      imports: [OtherModule],
      providers: [FirstListener, PageLog],
    });
    seen.length = 0;
    await answer(`${url}/pages/1`);
    await app.get(PageLog).outcome('/pages/1');
    expect([...seen].sort()).toEqual(
      [
        'first requested',
        'second requested',
        'first responding 200',
        'first rendered',
        'second rendered',
        'first stored',
        'controller stored',
        'factory stored',
      ].sort(),
    );
    const order = seen.map((what) => what.split(' ')[1]);
    expect([...order].sort((a, b) => ORDER.indexOf(a!) - ORDER.indexOf(b!))).toEqual(order);

    seen.length = 0;
    const bypassed = await answer(`${url}/pages/bypassed`);
    expect(bypassed).toBypassPageCache('first');
    expect(seen.filter((what) => !what.endsWith('requested'))).toEqual([]);

    seen.length = 0;
    await answer(`${url}/pages/draft/1`);
    expect(await app.get(PageLog).outcome('/pages/draft/1')).toBe('draft');
    expect(seen.at(-1)).toBe('first skipped draft');
    await app.close();
  });
});

const ORDER = ['requested', 'responding', 'rendered', 'stored', 'skipped'];

@Injectable()
class ThrowingListener {
  @OnPageCache(PageResponding)
  responding(): void {
    throw new Error('broken policy');
  }
}

@Injectable()
class ThrowingObserver {
  @OnPageCache(PageSkipped)
  skipped(): void {
    throw new Error('broken observer');
  }

  @OnPageCache(PageSkipped)
  async skippedLater(): Promise<void> {
    throw new Error('broken observer, later');
  }

  @OnPageCache(PageCacheFailed)
  failed(event: PageCacheFailed): void {
    failures.push(event);
    throw new Error('broken observer of failures');
  }
}
const failures: PageCacheFailed[] = [];

describe('a listener that throws', () => {
  it('is logged once, and keeps everything it was asked about out of the cache', async () => {
    const logger = new CollectedLogger();
    const { app, url } = await startApplication({
      platform: 'express',
      controllers,
      providers: [ThrowingListener, ThrowingObserver, PageLog],
      logger,
    });
    for (let round = 0; round < 3; round += 1) {
      app.get(PageLog).forget();
      const { code, body, status } = await answer(`${url}/pages/1`);
      expect([code, body.toString()]).toEqual([200, 'page']);
      expect(status).toBe('nestjs-nginx-cache; fwd=miss; detail=listener-error');
      await app.get(PageLog).outcome('/pages/1');
      await new Promise(setImmediate);
    }
    expect(failures.map(({ operation, error }) => `${operation} ${(error as Error).message}`)).toEqual([
      'listener broken policy',
    ]);
    // One line for each listener, and the warning of the failure.
    expect(logger.lines.filter((line) => line.startsWith('error'))).toHaveLength(4);
    await app.close();
  });
});

class AnyStatus {
  @OnPageCache(PageResponding)
  responding() {}
}

class LenientStatus extends StatusListener {
  // Not marked again: it is the same listener.
  override onResponding(event: PageResponding) {
    if (event.status !== 202) super.onResponding(event);
  }
}

@Controller()
class StatusController {
  @Get('accepted')
  @HttpCode(202)
  accepted() {
    return 'x';
  }

  @Get('created')
  @HttpCode(201)
  created() {
    return 'x';
  }
}

describe('`listeners`', () => {
  const outcomes = async (listeners: readonly (new (...args: never[]) => unknown)[]) => {
    const { app, url } = await startApplication({
      platform: 'express',
      controllers: [StatusController],
      providers: [PageLog],
      options: { listeners: listeners as never },
    });
    const found = [];
    for (const target of ['/accepted', '/created']) {
      await answer(url + target);
      found.push(await app.get(PageLog).outcome(target));
    }
    await app.close();
    return found;
  };

  it('replaces policies', async () => {
    expect(await outcomes(DEFAULT_LISTENERS)).toEqual(['status-202', 'status-201']);
    const replaced = DEFAULT_LISTENERS.map((one) => (one === StatusListener ? AnyStatus : one));
    expect(await outcomes(replaced)).toEqual(['stored', 'stored']);
  });

  it('takes a policy that extends one', async () => {
    const extended = DEFAULT_LISTENERS.map((one) => (one === StatusListener ? LenientStatus : one));
    expect(await outcomes(extended)).toEqual(['stored', 'status-201']);
  });

  it('may be empty', async () => {
    expect(await outcomes([])).toEqual(['stored', 'stored']);
  });

  it('holds only listeners', async () => {
    class Nothing {}
    await expect(outcomes([SetCookieListener, Nothing])).rejects.toThrow(
      /^listeners: \[class Nothing\] is not possible; it must be a class with a method that is marked @OnPageCache\(\)$/,
    );
  });
});

describe.each([Scope.REQUEST, Scope.TRANSIENT])('a listener with scope %s', (scope) => {
  it('is refused when the application starts', async () => {
    @Injectable({ scope })
    class ScopedListener {
      @OnPageCache(PageRequested)
      requested() {}
    }
    const start = startApplication({ platform: 'express', providers: [ScopedListener], controllers });
    await expect(start).rejects.toThrow(NginxCacheConfigError);
    await expect(start).rejects.toThrow(
      /@OnPageCache: \[class ScopedListener\] is not possible; it must be on a singleton/,
    );
  });
});
