import { UNSAFE_SEGMENTS } from '../rules/file-name.rule.js';
import { isKeyTooLong } from './page-key.js';

/**
 * Ends the name of every file that holds a page, and begins the name of every directory for a host or a variant. It stands
 * in no key, so `/a` (file `a#`) and `/a/b` (file `a/b#`) do not meet, nor do a page and a host.
 */
export const PAGE_FILE_MARK = '#';

/** Below the directory of a site. */
export const SITE_DIRECTORIES = {
  /** Pages with a ttl. nginx gets here by `live` only. */
  expiring: 'expiring',
  /** Pages without: nginx serves them also while no Node process runs. */
  kept: 'kept',
  /** A symbolic link to `expiring` for every second in which nginx may serve from it: `live/1767225600`. */
  live: 'live',
  /** What ends when: `expiry/1767225600/123#page:`. */
  expiry: 'expiry',
  /** Files that are being written. */
  tmp: 'tmp',
} as const;

/** The directory of a site below the root of the store. The mark keeps prefixes like `..` and the empty one harmless. */
export function siteDirectory(prefix: string): string {
  return `${prefix}${PAGE_FILE_MARK}`;
}

// Every byte that a canonical path and an allowed query can hold; none of them means anything to a file system but "/".
const SAFE_LEAD = /^(?!\.)[!$%&'()*+,\-.0-9:;=?@A-Z[\]^_`a-z{|}~]*$/;
const SAFE_TARGET = /^\/[!$%&'()*+,\-./0-9:;=?@A-Z[\]^_`a-z{|}~]*$/;
const UNSAFE = new RegExp(UNSAFE_SEGMENTS);

/**
 * The file of a page below its tree: `/posts/1#`, with a host or variant `/#example.com/posts/1#`. Names get no longer than
 * 255 bytes, since keys have at most 250.
 *
 * @returns `undefined` when the page can have none; nginx looks for none either
 */
export function pageFile(key: string, prefix: string): string | undefined {
  if (!key.startsWith(prefix) || isKeyTooLong(key)) return undefined;
  const rest = key.slice(prefix.length);
  const lead = rest.slice(0, Math.max(rest.indexOf('/'), 0));
  const target = rest.slice(lead.length);
  if (!SAFE_LEAD.test(lead) || !SAFE_TARGET.test(target) || UNSAFE.test(target)) return undefined;
  return `${lead === '' ? '' : `/${PAGE_FILE_MARK}${lead}`}${target}${PAGE_FILE_MARK}`;
}

/** The inverse of `pageFile`. */
export function keyOfPageFile(file: string, prefix: string): string {
  const rest = file.slice(0, -PAGE_FILE_MARK.length);
  return prefix + (rest.startsWith(`/${PAGE_FILE_MARK}`) ? rest.slice(2) : rest);
}
