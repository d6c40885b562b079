import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { PageOutcome } from './page-rendering.js';

/** What has asked for a rendering. */
export type PublicationCause = 'publish' | 'refresh-ahead';

type Report = (outcome: Promise<PageOutcome>) => void;

/** The requests that this application sends to itself in order to publish. They are known by identity, so nobody can pretend. */
@Injectable()
export class Publications {
  readonly #reports = new WeakMap<IncomingMessage, Report>();
  readonly #causes = new WeakMap<IncomingMessage, PublicationCause>();

  begin(request: IncomingMessage, cause: PublicationCause, report: Report): void {
    this.#causes.set(request, cause);
    this.#reports.set(request, report);
  }

  /** @returns `undefined` for a visitor's request */
  causeOf(request: IncomingMessage): PublicationCause | undefined {
    return this.#causes.get(request);
  }

  of(request: IncomingMessage): Report | undefined {
    return this.#reports.get(request);
  }
}
