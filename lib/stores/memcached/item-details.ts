/** What memcached says of an item without its value (`mg … f s t h l`). */
export interface ItemDetails {
  readonly flags: number;
  /** Of the value, in bytes. */
  readonly size: number;
  /** Seconds until it ends; `undefined` when it does not. */
  readonly ttl: number | undefined;
  /** Whether anybody has read it. */
  readonly isRead: boolean;
  /** Seconds since it was stored, or read. */
  readonly idle: number;
}

/** @returns `undefined` when there is no such item */
export function itemDetails(line: string): ItemDetails | undefined {
  if (!line.startsWith('HD')) return undefined;
  const number = (flag: string) => Number(new RegExp(` ${flag}(-?\\d+)`).exec(line)?.[1] ?? 0);
  const ttl = number('t');
  return {
    flags: number('f'),
    size: number('s'),
    ttl: ttl < 0 ? undefined : ttl,
    isRead: number('h') === 1,
    idle: number('l'),
  };
}
