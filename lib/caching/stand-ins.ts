import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Page } from '../page/page.js';

/** The result of a stand-in: a page for everybody, with the value of its `Cache-Status` field; or the reason why there is none. */
export type StandInResult = { readonly page: Page; readonly status: string } | { readonly reason: string };

/** Why a stand-in does not render a page for which nobody else waits: it is known to be none, or has taken too long. */
export const ALONE = 'alone';

type Report = (result: StandInResult | Promise<StandInResult>) => void;

/**
 * The requests that this application sends to itself in place of a visitor's, so that a shared page has nothing of the visitor. They are
 * known by identity, so nobody can pretend. Each is answered as if nobody in particular had asked, but nobody gets the answer.
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

  /** There is no shared page: the visitor gets an answer of their own. */
  refuse(visitors: IncomingMessage, reason: string): void {
    this.#refusals.set(visitors, `not-shared-${reason}`);
  }

  /** Why a visitor's own request goes on. */
  refusalOf(visitors: IncomingMessage): string | undefined {
    return this.#refusals.get(visitors);
  }
}
