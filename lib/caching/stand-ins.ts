import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Page } from '../page/page.js';

/** What has come of a stand-in: a page for everybody, with the value of its `Cache-Status` field, or why there is none. */
export type StandInResult = { readonly page: Page; readonly status: string } | { readonly reason: string };

/** Why a stand-in renders no page that nobody else waits for: it is known to be none, or has taken too long. */
export const ALONE = 'alone';

type Report = (result: StandInResult | Promise<StandInResult>) => void;

/**
 * The requests that this application sends to itself in the place of a visitor's, so that a shared page has nothing of the visitor: known by
 * identity, so nobody can pretend. Each is answered as if nobody in particular had asked, but nobody gets the answer.
 */
@Injectable()
export class StandIns {
  readonly #reports = new WeakMap<IncomingMessage, Report>();
  readonly #missed = new WeakSet<IncomingMessage>();
  readonly #refusals = new WeakMap<IncomingMessage, string>();

  /** @param hasLooked whether somebody has just looked in the store */
  begin(request: IncomingMessage, report: Report, hasLooked: boolean): void {
    this.#reports.set(request, report);
    if (hasLooked) this.#missed.add(request);
  }

  /** Whether there was no page when the stand-in was sent. */
  hasMissed(request: IncomingMessage): boolean {
    return this.#missed.has(request);
  }

  /** @returns `undefined` for any other request */
  of(request: IncomingMessage): Report | undefined {
    return this.#reports.get(request);
  }

  /** The visitor gets an answer made for himself, since there is no shared page. */
  refuse(visitors: IncomingMessage, reason: string): void {
    this.#refusals.set(visitors, `not-shared-${reason}`);
  }

  /** Why a visitor's own request goes on. */
  refusalOf(visitors: IncomingMessage): string | undefined {
    return this.#refusals.get(visitors);
  }
}
