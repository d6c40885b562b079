import type { SiteNames } from './variables.js';

/**
 * A line of nginx's access log: the `combined` format, followed by how long the request took and how long the servers behind nginx took
 * (both in seconds), and what the caches say. `parseAccess()` reads it.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
 */
export function logFormat(names: SiteNames): string[] {
  return [
    '# The format of the access_log that `nginx-cache log` reads.',
    `log_format ${names.of('log')} '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '`,
    `    '"$http_referer" "$http_user_agent" $request_time "$upstream_response_time" "$sent_http_cache_status"';`,
  ];
}

/** One request, as nginx has logged it. */
export interface Access {
  /** When it was answered: Unix time in milliseconds; `NaN` if the time is in another format. */
  readonly time: number;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  /** The `User-Agent` field. */
  readonly agent: string;
  /** How long nginx waited for memcached and for the application, in milliseconds. */
  readonly waited: number;
  /** The `Cache-Status` field; empty when there was none. */
  readonly cacheStatus: string;
}

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
// A visitor chooses $remote_user, which may contain brackets. It cannot contain quotes: nginx escapes them.
const LINE = new RegExp(
  String.raw`\[([^\][]*)\] ${QUOTED} (\d{3}) \d+ ${QUOTED} ${QUOTED} ([\d.]+) ${QUOTED} ${QUOTED}$`,
);

/** @returns `undefined` for a line in another format, and for a line about something that was no HTTP request */
export function parseAccess(line: string): Access | undefined {
  const [, time = '', request = '', status = '', , agent = '', , upstream = '', cacheStatus = ''] =
    LINE.exec(line) ?? [];
  const [, method, target] = /^([A-Z]+) (\S+)(?: HTTP\/[\d.]+)?$/.exec(unescaped(request)) ?? [];
  if (method === undefined || target === undefined) return undefined;
  return {
    time: unixTime(time),
    method,
    target,
    status: Number(status),
    agent: unescaped(agent),
    waited: milliseconds(upstream),
    cacheStatus: cacheStatus === '-' ? '' : unescaped(cacheStatus),
  };
}

/** `28/Nov/2026:21:00:00 +0000`, to the second. */
function unixTime(time: string): number {
  return Date.parse(time.replace(/^(\d+)\/(\w+)\/(\d+):/, '$1 $2 $3 '));
}

/** One number for each server that was asked: `0.001, 0.250`, and `-` for one that did not answer. */
function milliseconds(times: string): number {
  const seconds = (times.match(/\d+\.\d+/g) ?? []).reduce((sum, time) => sum + Number(time), 0);
  return Math.round(seconds * 1000);
}

/**
 * nginx writes quotes, backslashes, control bytes and bytes above 126 as `\xXX`. Only quotes and backslashes are decoded: a terminal would obey
 * what a visitor has put into an address.
 */
function unescaped(text: string): string {
  return text.replace(/\\x(22|5C)/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
