import { inspect } from 'node:util';
import { canonicalSegment } from '../rules/canonical-path.rule.js';
import type { PurgeScope } from '../stores/journal/purge-scope.js';

/**
 * An entity that knows which paths show it.
 *
 * @example
 * class Post implements DependentPaths {
 *   dependentPaths() { return ['/', `/posts/${this.slug}`]; }
 * }
 *
 * @publicApi
 */
export interface DependentPaths {
  /**
   * Lists the pages that show this entity.
   *
   * @returns paths; encoded or not
   */
  dependentPaths(): Iterable<string> | Promise<Iterable<string>>;
}

/**
 * A page to purge or publish: a path, a URL, or an entity.
 *
 * @publicApi
 */
export type PageTarget = string | URL | DependentPaths;

/** Browsers send such a path unchanged, and there may be many of them. */
const PLAIN = /^\/(?:[\w~-][\w.~-]*(?:\/|$))*$/;

/** A page by its canonical path, on one host or on all. */
export interface TargetPath {
  readonly path: string;
  /** Given only for a URL, and only if the site has `hosts`. */
  readonly host: string | undefined;
  /** The query as a browser sends it; empty if there is none. */
  readonly query: string;
  /** Whether everything below the path is meant as well. */
  readonly isSubtree?: true;
  /** Whether this is one of the less likely meanings of the target. */
  readonly isGuess?: true;
}

/**
 * The paths of targets.
 *
 * @param hosts the hosts of the site, when its keys hold them
 * @throws {TypeError} when a target is neither a path nor a URL nor has `dependentPaths()`
 */
export async function targetPaths(
  targets: readonly PageTarget[],
  hosts: readonly string[] | undefined,
): Promise<TargetPath[]> {
  const nested = await Promise.all(
    targets.map(async (target) => (await namedBy(target)).flatMap((page) => targetPath(page, hosts))),
  );
  return nested.flat();
}

/**
 * The paths and URLs that a target names: itself, or those of an entity.
 *
 * @throws {TypeError} when `dependentPaths()` returns no list
 */
export async function namedBy(target: PageTarget): Promise<(string | URL)[]> {
  if (!isEntity(target)) return [target];
  const paths: unknown = await target.dependentPaths();
  if (isList(paths)) return [...paths];
  throw new TypeError(`dependentPaths() must return a list of paths, but it returned ${inspect(paths, { depth: 0 })}`);
}

function isEntity(target: unknown): target is DependentPaths {
  return typeof (target as Partial<DependentPaths> | null | undefined)?.dependentPaths === 'function';
}

function isList(paths: unknown): paths is Iterable<string> {
  return typeof paths === 'object' && paths !== null && Symbol.iterator in paths;
}

/**
 * A path or a URL. It may mean several pages: the first is the one that a browser would ask for.
 *
 * @throws {TypeError} when it is neither
 */
export function targetPath(target: string | URL, hosts: readonly string[] | undefined): TargetPath[] {
  if (typeof target === 'string' && target.startsWith('/')) return meant(target, undefined);
  const url = typeof target === 'string' && URL.canParse(target) ? new URL(target) : target;
  if (!(url instanceof URL) || !url.pathname.startsWith('/')) {
    const entity = typeof target === 'string' ? ' or a URL' : ', a URL, or an object with dependentPaths()';
    throw new TypeError(`${inspect(target, { depth: 0 })} is not a page: give a path like "/posts/1"${entity}`);
  }
  const host = url.hostname.replace(/\.$/, '');
  if (hosts && !hosts.includes(host)) {
    throw new TypeError(`${url.href} is not a page of this site: its hosts are ${hosts.join(', ')}`);
  }
  return meant(url.pathname + url.search, hosts && host);
}

function meant(target: string, host: string | undefined): TargetPath[] {
  const query = queryOf(target);
  return readings(target).flatMap((path, index): TargetPath[] => {
    const guess = index > 0 ? { isGuess: true as const } : {};
    const page = { path, host, query: index === 0 ? query : '', ...guess };
    // A page may have exactly that name.
    return isSubtree(target) ? [page, { path: path.slice(0, -2), host, query: '', isSubtree: true, ...guess }] : [page];
  });
}

/** `/posts/*`, as in `exclude` and in reports. It does not mean what is below a name that leads elsewhere (`/posts/../*`). */
function isSubtree(target: string): boolean {
  return target.endsWith('/*') && !/\/(?:\.|%2e){1,2}\//i.test(target);
}

/**
 * The canonical paths that a path may mean. `?`, `#` and `%41` have a meaning in an address, but they may also be part of a name that nobody
 * has encoded. One purge too many is better than one too few.
 */
export function readings(path: string): string[] {
  let all = [path];
  if (/%[0-9a-f]{2}/i.test(path)) all = both(all, '%', '%25');
  if (path.includes('#')) all = both(all, '#', '%23');
  if (path.includes('?')) all = both(all, '?', '%3F');
  return [...new Set(all.map(canonicalPath))];
}

function both(paths: readonly string[], char: string, encoded: string): string[] {
  return paths.flatMap((path) => [path, path.replaceAll(char, encoded)]);
}

/** The query of a target, as a browser would send it. */
function queryOf(target: string): string {
  return target.includes('?') ? new URL(`http://localhost${target}`).search.slice(1) : '';
}

/**
 * A path and everything below it, in each of its readings.
 *
 * @param path `/posts`, `/posts/` or `/posts/*`
 * @throws {TypeError} when it does not begin with "/", or is another kind of pattern
 */
export function subtreeScopes(path: string): PurgeScope[] {
  mustBePath(path);
  const top = path.replace(/\/\*?$/, '') || '/';
  if (top.includes('*')) {
    throw new TypeError(`${inspect(path)} is not a path: give the part before the "*", or use purgeMatching()`);
  }
  return readings(top).map((one) => ({ kind: 'under', path: one.replace(/\/$/, '') }));
}

/**
 * The form in which a browser would ask for a path: `/käse ecke` becomes `/k%C3%A4se%20ecke`, `/%61bout` becomes `/about`.
 *
 * @param path decoded or encoded; a query, which begins with "?", is cut off: all queries of a page go with it
 * @throws {TypeError} when it does not begin with "/"
 */
export function canonicalPath(path: string): string {
  mustBePath(path);
  if (PLAIN.test(path)) return path;
  // The URL parser would drop these characters, and leave a "%" that encodes nothing as it is.
  const visible = path.replace(/[\0- ]|%(?![0-9a-f]{2})/gi, encodeURIComponent);
  // Not resolved against a base: "//about" would be a host.
  const { pathname } = new URL(`http://localhost${visible}`);
  return pathname
    .split('/')
    .map((segment) => canonicalSegment(decodeLeniently(segment)))
    .join('/');
}

function mustBePath(path: unknown): void {
  if (typeof path === 'string' && path.startsWith('/')) return;
  throw new TypeError(`${inspect(path, { depth: 0 })} is not a path: a path begins with "/"`);
}

/**
 * The tags themselves. A list of tags in place of a tag would be a purge that takes nothing.
 *
 * @throws {TypeError} when one is not a text
 */
export function checkedTags(tags: readonly string[]): readonly string[] {
  const wrong = tags.findIndex((tag) => typeof tag !== 'string');
  if (wrong < 0) return tags;
  throw new TypeError(
    `${inspect(tags[wrong], { depth: 0 })} is not a tag: give texts, as in purgeTags('post:1', 'posts')`,
  );
}

/**
 * The expression without the flags that make it remember its last match.
 *
 * @throws {TypeError} when it is not a regular expression
 */
export function pagePattern(pattern: RegExp): RegExp {
  if (!(pattern instanceof RegExp)) {
    throw new TypeError(`${inspect(pattern, { depth: 0 })} is not a regular expression`);
  }
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}

/** Anything that is not percent-encoded UTF-8 stays as it is. */
function decodeLeniently(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
