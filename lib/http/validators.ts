import { hash, randomUUID } from 'node:crypto';
import type { HeaderField } from './fields.js';

/** The `ETag` of content, without `W/` (RFC 9110, section 8.8.3): the same for the same content. */
export function contentTag(content: string | Uint8Array): string {
  return `"${hash('sha256', content, 'base64url').slice(0, 27)}"`;
}

/** An `ETag` for content that is not known yet. */
export function uniqueTag(): string {
  return `"${randomUUID()}"`;
}

/** The tag as a weak `ETag`: for another coding of the content, which is another representation (RFC 9110, section 8.8.3.3). */
export function weak(tag: string): string {
  return tag.startsWith('W/') ? tag : `W/${tag}`;
}

/** The fields of a page with an `ETag`, which nginx needs for conditional requests. */
export function withTag(headers: readonly HeaderField[], body: Uint8Array): readonly HeaderField[] {
  return hasTag(headers) ? headers : [...headers, ['ETag', contentTag(body)]];
}

/** Whether the fields have an `ETag`, as they have after `withTag`. */
export function hasTag(headers: readonly HeaderField[]): boolean {
  return headers.some(([field]) => field.toLowerCase() === 'etag');
}
