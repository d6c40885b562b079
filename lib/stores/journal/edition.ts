/** Identifies the pages of one build with one configuration. Pages of two editions are never stored side by side. */
export interface Edition {
  /** A digest of the options that nginx must know too, and of those that let a response become a page. */
  readonly configuration: string;
  /** A digest of the option `version`. */
  readonly version: string;
  /** The list of servers that the pages are spread over, as the store writes it; absent when the store has none. */
  readonly servers?: string;
}

/** Which edition may store pages. It lies beside the journal, and every process reads it before and after it stores a page. */
export interface Claim extends Edition {
  /** Of two claims, the one with the higher number holds. It is a Unix time in milliseconds, and higher than the number of the previous claim. */
  readonly since: number;
  /** The number of the previous claim; 0 when there was none. */
  readonly after: number;
  /** Keeps changing as long as a process of the edition runs. */
  readonly beat: number;
  /** Whether the pages of all other editions are gone. */
  readonly isSwept: boolean;
  /** Whether the pages that belong to this server by the list of the claim stay: only the list has changed, and the server has missed no purge. */
  readonly keepsOwn: boolean;
}

/** Why a process may not store pages. */
export type EditionRefusal =
  /** A process of another version was started later. */
  | 'other-version'
  /** A process with other options was started later. */
  | 'other-configuration'
  /** A process with another list of servers was started later. */
  | 'other-servers'
  /** It is unknown which edition may store pages. */
  | 'purges-unknown';

const CLAIM = /^([\w-]{1,40})\.([\w-]{1,40})\.([\w-]*)\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([012])$/;

export function isSame(one: Edition, other: Edition): boolean {
  return isSameBuild(one, other) && one.servers === other.servers;
}

/** Whether two editions differ in nothing but their lists of servers. */
export function isSameBuild(one: Edition, other: Edition): boolean {
  return one.configuration === other.configuration && one.version === other.version;
}

/** Whether a claim takes precedence over another one. Every process must come to the same result. */
export function isLater(one: Claim, other: Claim | undefined): boolean {
  if (!other || one.since !== other.since) return one.since > (other?.since ?? -1);
  // Two processes have claimed within the same millisecond.
  return encodeEdition(one) > encodeEdition(other);
}

/** As one word. */
export function encodeClaim({ since, after, beat, isSwept, keepsOwn, ...edition }: Claim): string {
  const swept = isSwept ? 1 : keepsOwn ? 2 : 0;
  return `${encodeEdition(edition)}.${since}.${after}.${beat}.${swept}`;
}

/** @returns `undefined` when the text is no claim */
export function decodeClaim(text: string): Claim | undefined {
  const [match, configuration = '', version = '', list = '', since, after, beat, swept] = CLAIM.exec(text) ?? [];
  if (match === undefined) return undefined;
  return {
    configuration,
    version,
    ...(list !== '' && { servers: Buffer.from(list, 'base64url').toString() }),
    since: Number(since),
    after: Number(after),
    beat: Number(beat),
    isSwept: swept === '1',
    keepsOwn: swept === '2',
  };
}

function encodeEdition({ configuration, version, servers = '' }: Edition): string {
  return `${configuration}.${version}.${Buffer.from(servers).toString('base64url')}`;
}

/** What a process knows of the claim, and whether it may store pages. */
export class EditionWatch {
  #claim: Claim | undefined;

  /** @param own the edition of this process; `undefined` when every process may store pages */
  constructor(readonly own?: Edition) {}

  /** The number of the latest claim for this edition on any server. A server with an older claim may have missed purges since then. */
  least = 0;

  /** Whether this process uses another list of servers by now. Pages that it began with this list are not stored. */
  isRetired = false;

  /** The latest claim that this process has seen. */
  get claim(): Claim | undefined {
    return this.#claim;
  }

  saw(claim: Claim | undefined): void {
    if (claim && !(this.#claim && isLater(this.#claim, claim))) this.#claim = claim;
  }

  get refusal(): EditionRefusal | undefined {
    if (this.isRetired) return 'other-servers';
    if (!this.own) return undefined;
    if (!this.#claim) return 'purges-unknown';
    if (isSame(this.#claim, this.own)) return this.#claim.since < this.least ? 'purges-unknown' : undefined;
    if (isSameBuild(this.#claim, this.own)) return 'other-servers';
    return this.#claim.configuration === this.own.configuration ? 'other-version' : 'other-configuration';
  }
}
