import { valuesOf } from './fields.js';
import type { ResponseHead } from './fields.js';
import { MAX_SECONDS } from './current-age.js';

/** The directives of a `Cache-Control` field (RFC 9111, section 5.2), or of a targeted one (RFC 9213). */
export interface CacheDirectives {
  has(name: string): boolean;
  /**
   * The argument of a directive that is a number of seconds.
   *
   * @returns `undefined` without the directive; 0 ("stale") when the argument is no number, or when there are several different ones
   */
  seconds(name: string): number | undefined;
}

/**
 * A directive with its argument, quoted or not. Semicolons and spaces separate directives, too: `private; max-age=60` is no list, but it says
 * `private`, and nginx's proxy_cache finds it as well (`ngx_http_upstream_process_cache_control`). A quote without an end hides nothing.
 */
const DIRECTIVE = /[\s,;=]*(?<name>[^\s,;=]+)\s*(?:=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^\s,;]*;?)))?/gy;

/** Reads field lines leniently where that is safe: names in any case, arguments quoted or not. A directive counts as soon as its name is there. */
export function cacheControl(lines: readonly string[]): CacheDirectives {
  const directives = new Map<string, (string | undefined)[]>();
  // Lines are read one by one, so that a quote in one line hides no directive of the next.
  for (const { groups = {} } of lines.flatMap((line) => [...line.matchAll(DIRECTIVE)])) {
    const name = (groups['name'] ?? '').toLowerCase();
    const value = groups['quoted'] ?? groups['plain'];
    directives.set(name, [...(directives.get(name) ?? []), value]);
  }
  return {
    has: (name) => directives.has(name),
    seconds: (name) => {
      const values = directives.get(name);
      return values && deltaSeconds(values);
    },
  };
}

function deltaSeconds(values: readonly (string | undefined)[]): number {
  const [first, ...others] = values;
  if (first === undefined || !/^\d+$/.test(first) || others.some((other) => other !== first)) return 0;
  return Math.min(Number(first), MAX_SECONDS);
}

/** A value of structured fields (RFC 8941, section 3.3). */
const ITEM = String.raw`(?:-?\d{1,15}(?:\.\d{1,3})?|"(?:[^"\\\x00-\x1f\x7f-\uffff]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+.^${'`'}|~:/-]*|:[\w+/=]*:|\?[01])`;
const PARAMETERS = String.raw`(?:\x20*;\x20*[a-z*][a-z0-9_.*-]*(?:=${ITEM})?)*`;
const INNER_LIST = String.raw`\(\x20*(?:${ITEM}${PARAMETERS}(?:\x20+${ITEM}${PARAMETERS})*)?\x20*\)`;
/** One member of a dictionary of structured fields (RFC 8941, section 3.2), with parameters. */
const MEMBER = new RegExp(
  String.raw`^[ \t]*(?<name>[a-z*][a-z0-9_.*-]*)(?:=(?:(?<integer>\d{1,15})|\?(?<boolean>[01])|${ITEM}|${INNER_LIST}))?${PARAMETERS}[ \t]*$`,
);

/**
 * Reads `CDN-Cache-Control` (RFC 9213, section 2.1).
 *
 * @returns `undefined` when the field is empty or not a dictionary of structured fields: it must be ignored then
 */
export function targetedCacheControl(lines: readonly string[]): CacheDirectives | undefined {
  if (lines.length === 0) return undefined;
  const directives = new Map<string, number | boolean>();
  for (const member of lines.join(',').split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)) {
    const groups = MEMBER.exec(member)?.groups;
    if (!groups) return undefined;
    directives.set(groups['name'] ?? '', groups['integer'] ? Number(groups['integer']) : groups['boolean'] !== '0');
  }
  return {
    has: (name) => (directives.get(name) ?? false) !== false,
    seconds: (name) => {
      const value = directives.get(name);
      if (value === undefined) return undefined;
      return typeof value === 'number' ? Math.min(value, MAX_SECONDS) : 0;
    },
  };
}

/** Whether the content of a response may be stored in another coding (RFC 9110, section 7.7). */
export function mayBeTransformed({ headers }: Pick<ResponseHead, 'headers'>): boolean {
  return !cacheControl(valuesOf(headers, 'cache-control')).has('no-transform');
}
