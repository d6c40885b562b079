import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { isInjection } from 'light-my-request';

/** Somebody has been here until so long ago, in milliseconds. */
const RECENT = 1000;

/** Tells whether visitors are being answered, for work that comes after them. Counts only while somebody wants to know. */
@Injectable()
export class Visitors {
  #watchers = 0;
  readonly #answered = new Set<ServerResponse>();
  #seen = -Infinity;

  /** Requests that are there already are not counted: one of them may be why the work is done. */
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

  /** Whether any is being answered, or was within the last second. */
  get areHere(): boolean {
    return this.#answered.size > 0 || performance.now() - this.#seen < RECENT;
  }
}
