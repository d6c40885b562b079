import { UNSAFE_SEGMENTS } from '../rules/file-name.rule.js';
import { isKeyTooLong } from './page-key.js';

/**
 * Ends the name of the directory of a page, and begins the name of every directory for a host or a variant. No key contains it, so
 * `/a` (directory `a#`) and `/a/b` (directory `a/b#`) never share a directory, nor do a page and a host.
 */
export const PAGE_FILE_MARK = '#';

/** The directories below the directory of a site. */
export const SITE_DIRECTORIES = {
  /** Every page has a directory here, with a directory for each version of it. */
  pages: 'pages',
  /** When each page ends. */
  expiry: 'expiry',
  /** Versions that are being deleted. */
  tmp: 'tmp',
  /** Which process renders which page. */
  leases: 'leases',
} as const;

/**
 * Begins the name of a symbolic link to `pages` for every second in which nginx may serve pages with a ttl: `live-1767225600`. These links
 * have no directory of their own, since each directory on the way to a page costs every hit some time.
 */
export const LEASE = 'live-';

/** In the directory of a page: a symbolic link to the version that nginx serves. */
export const PAGE_LINKS = {
  /** The link of a page with a ttl. nginx reaches it only through a lease. */
  expiring: 'expiring',
  /** The link of a page without a ttl. nginx serves it even while no Node process runs. */
  kept: 'kept',
} as const;

/** In the directory of a version: the body. nginx appends `.gz` and `.br` for the packed forms of it. */
export const PAGE_BODY = 'page';

/** In the directory of a version: a hard link to the body, which stays when the page has ended. */
export const COPY_BODY = 'stale';

/** The directory of a site below the root of the store. The mark keeps prefixes like `..` and the empty one harmless. */
export function siteDirectory(prefix: string): string {
  return `${prefix}${PAGE_FILE_MARK}`;
}

// Every byte that a canonical path and an allowed query can contain. Only "/" has a meaning to a file system.
const SAFE_LEAD = /^(?!\.)[!$%&'()*+,\-.0-9:;=?@A-Z[\]^_`a-z{|}~]*$/;
const SAFE_TARGET = /^\/[!$%&'()*+,\-./0-9:;=?@A-Z[\]^_`a-z{|}~]*$/;
const UNSAFE = new RegExp(UNSAFE_SEGMENTS);

/**
 * The directory of a page below `pages`: `/posts/1#`, with a host or variant `/#example.com/posts/1#`. A name has at most 251 bytes, since a key
 * has at most 250.
 *
 * @returns `undefined` when the page cannot have a directory; nginx does not look for one either
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
