import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { OnPageCache, PageRequested } from '../../lib/index.js';

/** Lets the first request wait until the test says so. */
@Injectable()
export class SlowListener {
  readonly asked: Promise<IncomingMessage>;
  answer!: () => void;
  #ask!: (request: IncomingMessage) => void;
  readonly #answered: Promise<void>;

  constructor() {
    this.asked = new Promise((resolve) => (this.#ask = resolve));
    this.#answered = new Promise((resolve) => (this.answer = resolve));
  }

  @OnPageCache(PageRequested)
  async onRequested(event: PageRequested): Promise<void> {
    this.#ask(event.request);
    await this.#answered;
  }
}
