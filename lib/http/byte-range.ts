import type { IncomingHttpHeaders } from 'node:http';
import { headerOf, type ResponseHead } from './fields.js';

/** From the byte `start` up to the byte before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One range of bytes (RFC 9110, section 14.1.2). Empty members of the list do not count (section 5.6.1.2). */
const ONE_RANGE = /^bytes=[\t ,]*(?:(\d+)-(\d*)|-(\d+))[\t ,]*$/i;

/**
 * What a `Range` field asks for (RFC 9110, section 14.2). Several ranges, other units and ranges that end before they start are ignored, as a
 * server may do.
 *
 * @param length the length of the content, in bytes
 * @returns `undefined` for all of the content
 */
export function byteRange(range: string, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [match, first, last, suffix] = ONE_RANGE.exec(range) ?? [];
  if (match === undefined) return undefined;
  const start = suffix === undefined ? Number(first) : Math.max(0, length - Number(suffix));
  if (last && Number(last) < start) return undefined;
  const end = last ? Math.min(Number(last) + 1, length) : length;
  return start < end ? { start, end } : 'unsatisfiable';
}

/** Whether parts of a page may be sent. The application may have said `Accept-Ranges: none` (RFC 9110, section 14.3). */
export function hasRanges(page: ResponseHead): boolean {
  return page.status === 200 && (headerOf(page, 'accept-ranges') ?? 'bytes').toLowerCase() === 'bytes';
}

/**
 * Which part of a page a request asks for. `If-Range` (RFC 9110, section 13.1.5) works only with the strong `ETag` of the page: a `Last-Modified`
 * is the same for all codings of a page, so a client could put a part of one behind a part of another.
 *
 * @param length the length of the content, in bytes
 * @returns `undefined` for all of the content
 */
export function requestedRange(
  page: ResponseHead,
  request: IncomingHttpHeaders,
  length: number,
): ReturnType<typeof byteRange> {
  const { range, 'if-range': condition } = request;
  if (range === undefined || !hasRanges(page)) return undefined;
  if (condition !== undefined && (condition !== headerOf(page, 'etag') || condition.startsWith('W/'))) return undefined;
  return byteRange(range, length);
}
