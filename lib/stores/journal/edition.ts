/** What the pages of one build with one configuration have in common. Pages of two editions are never stored side by side. */
export interface Edition {
  /** Stands for what nginx must know as well, and for what makes a response a page. */
  readonly configuration: string;
  /** Stands for the option `version`. */
  readonly version: string;
}

/** Which edition may store pages. It lies beside the journal, and every process reads it before and after it stores a page. */
export interface Claim extends Edition {
  /** Of two claims, the one with the higher number holds: Unix time in milliseconds, and more than that of the claim before. */
  readonly since: number;
  /** Changes as long as a process of the edition runs. */
  readonly beat: number;
  /** Whether the pages of all other editions are gone. */
  readonly isSwept: boolean;
}

/** Why a process may not store pages. */
export type EditionRefusal =
  /** A process of another version was started later. */
  | 'other-version'
  /** A process with other options was started later. */
  | 'other-configuration'
  /** Nobody knows which edition it is that may. */
  | 'purges-unknown';

const CLAIM = /^([\w-]{1,40})\.([\w-]{1,40})\.(\d{1,15})\.(\d{1,15})\.([01])$/;

export function isSame(one: Edition, other: Edition): boolean {
  return one.configuration === other.configuration && one.version === other.version;
}

/** Whether a claim holds against another one, that every process must agree about. */
export function isLater(one: Claim, other: Claim | undefined): boolean {
  if (!other || one.since !== other.since) return one.since > (other?.since ?? -1);
  // Two processes have claimed within the same millisecond.
  return encodeEdition(one) > encodeEdition(other);
}

/** As one word. */
export function encodeClaim({ since, beat, isSwept, ...edition }: Claim): string {
  return `${encodeEdition(edition)}.${since}.${beat}.${isSwept ? 1 : 0}`;
}

/** @returns `undefined` when it is none */
export function decodeClaim(text: string): Claim | undefined {
  const [match, configuration = '', version = '', since, beat, swept] = CLAIM.exec(text) ?? [];
  if (match === undefined) return undefined;
  return { configuration, version, since: Number(since), beat: Number(beat), isSwept: swept === '1' };
}

function encodeEdition({ configuration, version }: Edition): string {
  return `${configuration}.${version}`;
}

/** What a process knows of the claim, and whether it may store pages. */
export class EditionWatch {
  #claim: Claim | undefined;

  /** @param own `undefined` when everybody may store pages */
  constructor(readonly own?: Edition) {}

  /** The latest that this process has seen. */
  get claim(): Claim | undefined {
    return this.#claim;
  }

  saw(claim: Claim | undefined): void {
    if (claim && !(this.#claim && isLater(this.#claim, claim))) this.#claim = claim;
  }

  get refusal(): EditionRefusal | undefined {
    if (!this.own) return undefined;
    if (!this.#claim) return 'purges-unknown';
    if (isSame(this.#claim, this.own)) return undefined;
    return this.#claim.configuration === this.own.configuration ? 'other-version' : 'other-configuration';
  }
}
