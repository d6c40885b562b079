import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { inject } from 'light-my-request';
import { Purger } from '../invalidation/purger.js';
import type { TargetPath } from '../invalidation/purge-target.js';
import type { PageOutcome } from '../interceptor/page-recorder.js';
import { type PageAddress, PageKeys } from '../page/page-key.js';
import { Publications } from './publications.js';
import type { PublishReport } from './publish-report.js';

/** Renders pages unasked, through the application itself: middleware, guards and filters included. */
@Injectable()
export class Publisher {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(PageKeys) private readonly keys: PageKeys,
    @Inject(Publications) private readonly publications: Publications,
    @Inject(Purger) private readonly purger: Purger,
  ) {}

  /** One page after the other: visitors come first. */
  async publish(targets: readonly TargetPath[]): Promise<PublishReport> {
    const start = performance.now();
    const report = { published: new Set<string>(), purged: new Set<string>(), skipped: new Map<string, string>() };
    for (const target of targets) {
      for (const address of this.keys.ofPath(target.path, target.host)) {
        const { status, outcome } = await this.render(address);
        if (outcome.stored) {
          report.published.add(address.path);
          continue;
        }
        await this.purger.paths([{ path: address.path, host: address.host }]);
        // A status of the 200s is a page that somebody kept out; anything else is no page any more.
        if (status >= 200 && status < 300) report.skipped.set(address.path, outcome.reason);
        else report.purged.add(address.path);
      }
    }
    return {
      published: [...report.published],
      purged: [...report.purged],
      skipped: Array.from(report.skipped, ([path, reason]) => ({ path, reason })),
      duration: performance.now() - start,
    };
  }

  private async render({ target, host }: PageAddress): Promise<{ status: number; outcome: PageOutcome }> {
    const server = this.host.httpAdapter?.getHttpServer() as Server | undefined;
    if (!server) throw new TypeError('Nothing can be published here: this is not a HTTP application.');
    let outcome: Promise<PageOutcome> | undefined;
    const response = await inject(
      (request, injected) => {
        this.publications.begin(request as unknown as IncomingMessage, (of) => {
          outcome = of;
        });
        server.emit('request', request as unknown as IncomingMessage, injected as unknown as ServerResponse);
      },
      { method: 'GET', url: target, headers: host === undefined ? {} : { host } },
    );
    return { status: response.statusCode, outcome: (await outcome) ?? { stored: false, reason: 'no-handler' } };
  }
}
