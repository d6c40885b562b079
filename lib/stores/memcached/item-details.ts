/** What memcached tells about an item, without its value (`mg … f s t h l`). */
export interface ItemDetails {
  readonly flags: number;
  /** The size of the value, in bytes. */
  readonly size: number;
  /** Seconds until the item expires; `undefined` when it never does. */
  readonly ttl: number | undefined;
  /** Whether anybody has read it. */
  readonly isRead: boolean;
  /** Seconds since the item was stored, or last read. */
  readonly idle: number;
}

const FLAGS = / ([fsthl])(-?\d+)/g;

/** @returns `undefined` when there is no such item */
export function itemDetails(line: string): ItemDetails | undefined {
  if (!line.startsWith('HD')) return undefined;
  const values = { f: 0, s: 0, t: 0, h: 0, l: 0 };
  for (const [, flag, value] of line.matchAll(FLAGS)) values[flag as keyof typeof values] = Number(value);
  const { f, s, t, h, l } = values;
  return { flags: f, size: s, ttl: t < 0 ? undefined : t, isRead: h === 1, idle: l };
}
