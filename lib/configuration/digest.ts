import { createHash } from 'node:crypto';

/** So few characters that they fit everywhere, so many that no two things get the same ones. */
const LENGTH = 16;

/** Stands for a text. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, LENGTH);
}
