import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { PageOutcome } from './page-recorder.js';

type Report = (outcome: Promise<PageOutcome>) => void;

/** The requests that this application sends to itself in order to publish: known by identity, so nobody can pretend. */
@Injectable()
export class Publications {
  readonly #reports = new WeakMap<IncomingMessage, Report>();

  begin(request: IncomingMessage, report: Report): void {
    this.#reports.set(request, report);
  }

  of(request: IncomingMessage): Report | undefined {
    return this.#reports.get(request);
  }
}
