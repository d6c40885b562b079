import type { IncomingHttpHeaders } from 'node:http';
import { httpDate } from './http-date.js';
import { headerOf, type ResponseHead } from './fields.js';

/** Whether the client that sends these fields has the page already (RFC 9110, section 13.2.2): by `If-None-Match`, else by `If-Modified-Since`. */
export function isNotModified(page: ResponseHead, request: IncomingHttpHeaders): boolean {
  // Conditions apply to successful responses only (section 13.2.1).
  if (page.status !== 200) return false;
  const tags = request['if-none-match'];
  if (tags !== undefined) return tags.trim() === '*' || opaqueTags(tags).includes(opaqueTag(page));
  const since = httpDate(request['if-modified-since']);
  const modified = httpDate(headerOf(page, 'last-modified'));
  return since !== undefined && modified !== undefined && modified <= since;
}

/** Weak comparison (section 8.8.3.2) looks only at the text in the quotes. */
function opaqueTags(list: string): string[] {
  return list.match(/"[^"]*"/g) ?? [];
}

function opaqueTag(page: ResponseHead): string {
  return headerOf(page, 'etag')?.replace(/^W\//, '') ?? '';
}
