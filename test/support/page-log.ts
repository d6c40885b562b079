import { EventEmitter, once } from 'node:events';
import { Injectable } from '@nestjs/common';
import { OnPageCache, PageSkipped, PageStored } from '../../lib/index.js';

/** Remembers what became of the pages, and lets a test wait for it. */
@Injectable()
export class PageLog {
  readonly #events = new EventEmitter();
  /** By target: `stored`, or the reason why not. */
  readonly outcomes = new Map<string, string>();
  /** Each outcome in its order: `/target reason`. */
  readonly events: string[] = [];

  @OnPageCache(PageStored)
  onStored({ address }: PageStored): void {
    this.set(address.target, 'stored');
  }

  @OnPageCache(PageSkipped)
  onSkipped({ address, reason }: PageSkipped): void {
    this.set(address.target, reason);
  }

  /** What became of the page at a target, as soon as it is known. */
  async outcome(target: string): Promise<string> {
    while (!this.outcomes.has(target)) await once(this.#events, 'change');
    return this.outcomes.get(target) as string;
  }

  forget(): void {
    this.outcomes.clear();
    this.events.length = 0;
  }

  private set(target: string, outcome: string): void {
    this.outcomes.set(target, outcome);
    this.events.push(`${target} ${outcome}`);
    this.#events.emit('change');
  }
}
