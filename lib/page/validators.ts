import { createHash } from 'node:crypto';
import type { HeaderField } from './page.js';

/**
 * The fields of a page with an `ETag` and a `Last-Modified` (RFC 9110, section 8.8): the application's own, or else made here and
 * put behind the others.
 *
 * @param identity gives the content without its coding, so that the same content has the same `ETag` however it is stored
 * @param storedAt is the last modification that is known of, in milliseconds since the epoch
 */
export function withValidators(
  headers: readonly HeaderField[],
  identity: () => Buffer,
  storedAt: number,
): readonly HeaderField[] {
  const made: HeaderField[] = [];
  if (!has(headers, 'etag')) made.push(['ETag', strongETag(identity())]);
  if (!has(headers, 'last-modified')) made.push(['Last-Modified', new Date(storedAt).toUTCString()]);
  return [...headers, ...made];
}

/** Whether the fields have been through `withValidators`. */
export function hasValidators(headers: readonly HeaderField[]): boolean {
  return has(headers, 'etag') && has(headers, 'last-modified');
}

function strongETag(content: Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`;
}

function has(headers: readonly HeaderField[], name: string): boolean {
  return headers.some(([field]) => field.toLowerCase() === name);
}
