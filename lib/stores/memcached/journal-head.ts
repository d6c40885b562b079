import { randomBytes } from 'node:crypto';
import { type Claim, decodeClaim, encodeClaim } from '../journal/edition.js';

/**
 * The one item of the journal that changes: it says how many entries there are and names the newest. Only compare-and-set changes it, so within an
 * epoch the list of entries only grows.
 */
export interface JournalHead {
  /** Changes whenever the head had to be made again: then nobody knows what was in the journal before. */
  readonly epoch: string;
  /** How many entries this epoch has had. */
  readonly count: number;
  /** When the last entry was added, by the clock of the process that added it: Unix time in milliseconds. */
  readonly time: number;
  /** Which edition may store pages; `undefined` before any process has claimed. */
  readonly claim: Claim | undefined;
  /** The index item that names the entries before `names`; `NONE` when there is none. */
  readonly index: string;
  /** The names of the newest entries, the oldest first. */
  readonly names: readonly string[];
}

/** No index item; no claim. */
export const NONE = '-';

/** How many names stay in the head, which every miss reads. When there are more, the older ones move to an index item. */
const NAMES = 128;

const NAME = /^[\w-]{1,40}$/;
const NUMBER = /^\d{1,15}$/;

export function newHead(claim?: Claim): JournalHead {
  return { epoch: randomBytes(9).toString('base64url'), count: 0, time: 0, claim, index: NONE, names: [] };
}

/**
 * The head with more entries.
 *
 * @param index the name that an index item gets, if one is needed
 * @returns the head, and the content of that item; `undefined` when none is needed
 */
export function advanced(
  head: JournalHead,
  names: readonly string[],
  time: number,
  index: string,
): { readonly head: JournalHead; readonly indexed: Buffer | undefined } {
  const count = head.count + names.length;
  if (head.names.length + names.length <= NAMES || head.names.length === 0) {
    return { head: { ...head, count, time, names: [...head.names, ...names] }, indexed: undefined };
  }
  return { head: { ...head, count, time, index, names }, indexed: encodeIndex(head) };
}

export function encodeHead({ epoch, count, time, claim, index, names }: JournalHead): Buffer {
  return Buffer.from([epoch, count, time, claim ? encodeClaim(claim) : NONE, index, ...names].join(' '), 'latin1');
}

/** @returns `undefined` when the bytes are no head */
export function decodeHead(bytes: Buffer): JournalHead | undefined {
  const [epoch = '', count = '', time = '', claimed = '', index = '', ...names] = bytes.toString('latin1').split(' ');
  const claim = decodeClaim(claimed);
  const isHead =
    [epoch, index, ...names].every((name) => NAME.test(name)) && [count, time].every((n) => NUMBER.test(n));
  return isHead && names.length <= Number(count) && (claim || claimed === NONE)
    ? { epoch, count: Number(count), time: Number(time), claim, index, names }
    : undefined;
}

/** What an index item holds. */
export type JournalIndex = Pick<JournalHead, 'index' | 'names'>;

function encodeIndex({ index, names }: JournalIndex): Buffer {
  return Buffer.from([index, ...names].join(' '), 'latin1');
}

/** @returns `undefined` when the item is missing, or is no index */
export function decodeIndex(bytes: Buffer | undefined): JournalIndex | undefined {
  const [index = '', ...names] = bytes?.toString('latin1').split(' ') ?? [];
  return [index, ...names].every((name) => NAME.test(name)) ? { index, names } : undefined;
}
