import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { isInjection } from 'light-my-request';

/** How long visitors count as being here after the last request, in milliseconds. */
const RECENT = 1000;

/** Tells whether visitors are being answered, for work that can wait for them. Counts only while somebody wants to know. */
@Injectable()
export class Visitors {
  #watchers = 0;
  readonly #answered = new Set<ServerResponse>();
  #seen = -Infinity;

  /** Requests that are already there are not counted: one of them may be the reason for the work. */
  watch(): void {
    if (this.#watchers === 0) this.#answered.clear();
    this.#watchers += 1;
  }

  unwatch(): void {
    this.#watchers -= 1;
  }

  arrived(request: IncomingMessage, response: ServerResponse): void {
    if (this.#watchers === 0 || isInjection(request)) return;
    this.#answered.add(response);
    this.#seen = performance.now();
    response.once('close', () => this.#answered.delete(response));
  }

  /** Whether a visitor is being answered, or has come within the last second. */
  get areHere(): boolean {
    return this.#answered.size > 0 || performance.now() - this.#seen < RECENT;
  }
}
