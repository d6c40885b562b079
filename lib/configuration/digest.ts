import { createHash } from 'node:crypto';

/** In characters: short enough to fit everywhere, long enough that no two texts get the same digest. */
const LENGTH = 16;

/** A short text that stands for another one. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, LENGTH);
}
