import { type PurgeScope, readScope, writeScope } from '../journal/purge-scope.js';

/** The longest scope, in characters. A longer one is split. */
const SCOPE_LENGTH = 16_000;

/** How many bytes of scopes an item holds. */
const ITEM_BYTES = 60_000;

/** One item of the journal: what was purged together. */
export interface JournalItem {
  /** Unix time in milliseconds. */
  readonly time: number;
  readonly scopes: readonly PurgeScope[];
}

/** The items that hold these scopes: the time on the first line, then one scope a line. */
export function encodeItems(scopes: readonly PurgeScope[], time: number): Buffer[] {
  const items: string[][] = [];
  let room = 0;
  for (const line of scopes.flatMap((scope) => writeScope(scope, SCOPE_LENGTH))) {
    const bytes = Buffer.byteLength(line) + 1;
    if (bytes > room) {
      items.push([String(time)]);
      room = ITEM_BYTES;
    }
    items.at(-1)!.push(line);
    room -= bytes;
  }
  return items.map((lines) => Buffer.from(lines.join('\n')));
}

/** @returns `undefined` when the item is missing, or is no entry */
export function decodeItem(bytes: Buffer | undefined): JournalItem | undefined {
  const [time = '', ...lines] = bytes?.toString().split('\n') ?? [];
  return /^\d{1,15}$/.test(time) && lines.length > 0 ? { time: Number(time), scopes: lines.map(readScope) } : undefined;
}
