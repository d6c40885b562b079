import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inject } from 'light-my-request';
import { PageCacheDispatcher } from '../events/page-cache-dispatcher.js';
import { PageCacheFailed, PagesPurged } from '../events/page-cache.events.js';
import { concerns, describe, type PathsScope } from '../stores/journal/purge-scope.js';
import { Purger } from '../purging/purger.js';
import { PageStorage } from '../stores/page-storage.js';
import { pagesToPurge } from '../stores/stored-pages.js';
import { Turns } from '../async/turns.js';
import type { TargetPath } from '../purging/purge-target.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { variantFields } from '../rules/variant.js';
import { isOutdated, type PageOutcome } from '../caching/page-rendering.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { asNobody } from '../async/as-nobody.js';
import { Publications } from '../caching/publications.js';
import { nobodysVisit } from './nobodys-visit.js';
import type { PublishReport } from './publish-report.js';

/** A page that takes longer is none, in milliseconds. */
const RENDER_TIMEOUT = 30_000;

/** How often a page is rendered that changes all the time. */
const ATTEMPTS = 5;

interface Rendering {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly outcome: PageOutcome;
}

/**
 * Whether a status says that there is no page any more for everybody. Others (429, those of the 500s) say that it could not be rendered
 * now.
 */
function isGone(status: number): boolean {
  return (status >= 300 && status < 400) || [401, 403, 404, 410].includes(status);
}

/** Renders pages unasked, through the application itself: middleware, guards and filters included. */
@Injectable()
export class Publisher {
  readonly #turns = new Turns<Rendering>();

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(PageStorage) private readonly storage: PageStorage,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(Purger) private readonly purger: Purger,
    @Inject(PageCacheDispatcher) private readonly dispatcher: PageCacheDispatcher,
  ) {}

  /** One page after the other: visitors come first. What else is stored of the same paths would be old. */
  async publish(targets: readonly TargetPath[]): Promise<PublishReport> {
    const scope = this.purger.scopeOf(pagesAmong(targets));
    const meant = targets.filter(({ isGuess }) => !isGuess);
    const wanted = meant.flatMap(({ path, host, query }) =>
      ['', query].flatMap((one) => this.keys.ofPath(path, host, one)),
    );
    const byKey = new Map(wanted.map((address) => [address.key, address]));
    return this.replaceAll(scope, async () => [...byKey.values(), ...(await this.stored(scope, byKey))]);
  }

  /** Those of the pages that are stored, with every query: replaced in place, so that nobody meets a gap. */
  async refresh(targets: readonly TargetPath[]): Promise<PublishReport> {
    const scope = this.purger.scopeOf(pagesAmong(targets));
    return this.replaceAll(scope, () => this.stored(scope));
  }

  private async replaceAll(scope: PathsScope, find: () => Promise<readonly PageAddress[]>): Promise<PublishReport> {
    if (scope.paths.length === 0) return this.renderAll([]);
    let addresses: readonly PageAddress[];
    try {
      // First: what is being rendered, here or elsewhere, and is stored later than this, is checked against it.
      await this.purger.announce({ ...scope, refresh: true });
      addresses = await find();
    } catch {
      // Nobody knows which pages are old. The purge says so, and goes on until they are gone.
      const { targets: purged, duration } = await this.purger.purge(scope);
      return { published: [], purged, skipped: [], failed: [], duration };
    }
    const report = await this.renderAll(addresses);
    // Caches farther out have the page that was here before, and get the new one only now.
    this.dispatcher.notify(new PagesPurged(describe(scope), 0, scope.paths));
    return report;
  }

  private async renderAll(addresses: readonly PageAddress[]): Promise<PublishReport> {
    const start = performance.now();
    const report = {
      published: new Set<string>(),
      purged: new Set<string>(),
      skipped: new Map<string, string>(),
      failed: new Map<string, number>(),
    };
    for (const address of addresses) {
      const { status, outcome } = await this.#turns.take(address.key, () => this.renderUntilStored(address));
      if (outcome.stored) {
        report.published.add(address.path);
        continue;
      }
      const isPage = status >= 200 && status < 300;
      if (!isPage && !isGone(status)) {
        report.failed.set(address.path, status);
        continue;
      }
      await this.purger.one(address);
      // A page that somebody kept out, or no page any more.
      if (isPage) report.skipped.set(address.path, outcome.reason);
      else report.purged.add(address.path);
    }
    return {
      published: [...report.published],
      purged: [...report.purged],
      skipped: Array.from(report.skipped, ([path, reason]) => ({ path, reason })),
      failed: Array.from(report.failed, ([path, status]) => (status === 0 ? { path } : { path, status })),
      duration: performance.now() - start,
    };
  }

  /** What was rendered while the page changed again, or while another came to its place, may be old. */
  private async renderUntilStored(address: PageAddress): Promise<Rendering> {
    for (let attempt = 1; ; attempt += 1) {
      const rendering = await this.render(address);
      if (!isOutdated(rendering.outcome) || attempt === ATTEMPTS) return rendering;
    }
  }

  /** @param known keys of pages that are left out */
  private async stored(
    scope: PathsScope,
    known: Pick<Map<string, unknown>, 'has'> = new Map(),
  ): Promise<PageAddress[]> {
    const found: PageAddress[] = [];
    if (this.options.query.allow.length === 0) {
      for (const address of scope.paths.flatMap(({ path, host }) => this.keys.ofForm(path, host))) {
        if (!known.has(address.key) && (await this.storage.has(address.key))) found.push(address);
      }
      return found;
    }
    for await (const page of pagesToPurge(this.storage, this.keys)) {
      if (!known.has(page.key) && concerns(scope, page)) found.push(page);
    }
    return found;
  }

  private async render({ target, host, variants }: PageAddress): Promise<Rendering> {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    if (!server) throw new TypeError('Nothing can be published here: this is not a HTTP application.');
    const visit = nobodysVisit(this.options.origin, host);
    let outcome: Promise<PageOutcome> | undefined;
    // The request begins when somebody waits for it, so `catch()` must be called as nobody, too.
    const response = await asNobody(() =>
      inject(
        (request, injected) => {
          this.publications.begin(request as unknown as IncomingMessage, (of) => {
            outcome = of;
          });
          if (visit.encrypted) Object.assign(request.socket, { encrypted: true });
          server.emit('request', request as unknown as IncomingMessage, injected as unknown as ServerResponse);
        },
        {
          method: 'GET',
          url: target,
          headers: { ...visit.headers, ...variantFields(this.options.variants, variants) },
          remoteAddress: visit.address,
          signal: AbortSignal.timeout(RENDER_TIMEOUT),
        },
      ).catch((error: unknown) => this.dispatcher.notify(new PageCacheFailed('render', error))),
    );
    return { status: response?.statusCode ?? 0, outcome: (await outcome) ?? { stored: false, reason: 'no-handler' } };
  }
}

/** @throws {TypeError} when there is a subtree among them */
function pagesAmong(targets: readonly TargetPath[]): readonly TargetPath[] {
  const subtree = targets.find(({ isSubtree }) => isSubtree);
  if (!subtree) return targets;
  throw new TypeError(
    `${subtree.path}/* is not a page: publish() and refresh() take pages one by one, purge() and purgeUnder() a subtree`,
  );
}
