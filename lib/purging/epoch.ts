import { type Claim, type Edition, isSame } from '../stores/journal/edition.js';
import type { StoragePart } from '../stores/storage-part.js';

/**
 * The claims of an edition have the same number on all servers. A server whose claim has another number was away in the meantime: it may
 * have missed purges, and what it holds proves nothing.
 */
export class Epoch {
  #known: Pick<Claim, 'since' | 'after'> | undefined;

  constructor(
    private readonly own: Edition,
    private readonly parts: readonly StoragePart[],
  ) {}

  /** `undefined` before any server has answered. */
  get known(): Pick<Claim, 'since' | 'after'> | undefined {
    return this.#known;
  }

  /** The number of the latest claim on any server, as far as this process has seen; 0 when there is none. */
  get latest(): number {
    return Math.max(0, ...this.claims().map(({ since }) => since));
  }

  /** Takes the number of the latest claim of all, if that claim is for the own edition. */
  join(): void {
    const latest = this.claims().find((claim) => claim.since === this.latest && isSame(claim, this.own));
    if (latest && latest.since > (this.#known?.since ?? -1)) this.set(latest);
  }

  /** Takes a number above all others. */
  begin(): void {
    const after = this.latest;
    this.set({ since: Math.max(Date.now(), after + 1), after });
  }

  private set({ since, after }: Pick<Claim, 'since' | 'after'>): void {
    this.#known = { since, after };
    for (const { journal } of this.parts) journal.editions.least = since;
  }

  private claims(): Claim[] {
    return this.parts.flatMap(({ journal }) => journal.editions.claim ?? []);
  }
}
