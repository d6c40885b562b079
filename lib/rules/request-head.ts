import type { IncomingHttpHeaders } from 'node:http';
import { percentDecoded } from '../http/percent-decoding.js';

/** What the rules look at: the request line and the header of a request. */
export interface RequestHead {
  readonly method: string;
  /** The request target as it came over the wire, one UTF-16 unit a byte (as in Node's `req.url`). */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** The path of a target, without its query. */
export function rawPath(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** The query of a target, without its `?`; empty when there is none. */
export function rawQuery(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
}

/** A path percent-decoded to its bytes, as nginx's `$uri` for a canonical path. */
export function decodedPath(target: string): string {
  const path = rawPath(target);
  if (!path.includes('%')) return path;
  return percentDecoded(path);
}

/** The host as nginx's `$host` has it: lower case, without port and final dot. */
export function hostOf(headers: IncomingHttpHeaders): string {
  const host = (headers.host ?? '').toLowerCase();
  return host.replace(/:\d*$/, '').replace(/\.$/, '');
}
