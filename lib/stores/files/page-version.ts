import { randomUUID } from 'node:crypto';

/** What the name of a version says of it. Two versions never have the same name. */
export interface PageVersion {
  readonly name: string;
  /** Its Last-Modified date: Unix time in seconds. */
  readonly modified: number;
  /** When it ends: Unix time in milliseconds. Without a ttl, by when it must have come to its place. */
  readonly expires: number;
  /** In milliseconds; 0 = until purged. */
  readonly ttl: number;
  /** Whether there is a file with its tags. */
  readonly tagged: boolean;
}

/** What is being written for so long is not being written any more, in milliseconds. */
export const ABANDONED = 600_000;

const NAME = /^(\d+)-(\d+)-(\d+)-([0-9a-f]{12})(-tagged)?$/;

export function newVersion({ modified, ttl, tagged }: Pick<PageVersion, 'modified' | 'ttl' | 'tagged'>): PageVersion {
  const expires = Date.now() + (ttl || ABANDONED);
  const id = randomUUID().slice(-12);
  const name = `${modified}-${expires}-${ttl}-${id}${tagged ? '-tagged' : ''}`;
  return { name, modified, expires, ttl, tagged };
}

/** @returns `undefined` when it is the name of something else */
export function parseVersion(name: string): PageVersion | undefined {
  const [match, modified, expires, ttl, , tagged] = NAME.exec(name) ?? [];
  if (match === undefined) return undefined;
  return { name, modified: Number(modified), expires: Number(expires), ttl: Number(ttl), tagged: tagged !== undefined };
}

/** Unix time in milliseconds. */
export function writtenAt({ expires, ttl }: PageVersion): number {
  return expires - (ttl || ABANDONED);
}
