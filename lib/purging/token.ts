import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares in a time that reveals nothing about either token, not even its length. */
export function isToken(given: string | undefined, token: string): boolean {
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
