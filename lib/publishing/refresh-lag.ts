import { Logger } from '@nestjs/common';

/** How many rounds in a row must be late: on a busy machine, a single one may be. */
const IN_A_ROW = 3;

/** Says once that pages which visitors read expire before it is their turn to be rendered again. */
export class RefreshLag {
  readonly #logger = new Logger('PageCache');
  #rounds = 0;

  /** @param rate how many pages per second are rendered at most */
  constructor(private readonly rate: number) {}

  /** @param expired how many pages were due in a round, and expired in it without being rendered */
  roundEnded(expired: number): void {
    if (this.#rounds === IN_A_ROW) return;
    this.#rounds = expired > 0 ? this.#rounds + 1 : 0;
    if (this.#rounds < IN_A_ROW) return;
    this.#logger.warn(
      `refreshAhead cannot keep up: pages that visitors read expire before they are rendered again (${expired} just now). ` +
        `It renders at most ${this.rate} pages per second: raise refreshAhead.rate if the machine has time for more, or give pages a longer ttl. Reported once.`,
    );
  }
}
