import { inspect } from 'node:util';
import { canonicalSegment } from '../rules/canonical-path.rule.js';

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
  dependentPaths(): Iterable<string> | Promise<Iterable<string>>;
}

/**
 * What can be purged and published: a path, a URL, or an entity.
 *
 * @publicApi
 */
export type PageTarget = string | URL | DependentPaths;

/** Every browser asks for it as it is, and there may be many of them. */
const PLAIN = /^\/(?:[\w~-][\w.~-]*(?:\/|$))*$/;

/** A page by its canonical path, on one host or on all. */
export interface TargetPath {
  readonly path: string;
  /** Only from a URL, and only when the site has `hosts`. */
  readonly host: string | undefined;
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
    targets.map(async (target) => {
      if (!isEntity(target)) return targetPath(target, hosts);
      const paths: unknown = await target.dependentPaths();
      if (isList(paths)) return Array.from(paths, (path) => targetPath(path, hosts)).flat();
      throw new TypeError(`dependentPaths() must give a list of paths, it gave ${inspect(paths, { depth: 0 })}`);
    }),
  );
  return nested.flat();
}

function isEntity(target: unknown): target is DependentPaths {
  return typeof (target as Partial<DependentPaths> | null | undefined)?.dependentPaths === 'function';
}

function isList(paths: unknown): paths is Iterable<string> {
  return typeof paths === 'object' && paths !== null && Symbol.iterator in paths;
}

/**
 * A path or a URL, each of which may name a page in two ways.
 *
 * @throws {TypeError} when it is neither
 */
export function targetPath(target: string | URL, hosts: readonly string[] | undefined): TargetPath[] {
  if (typeof target === 'string' && target.startsWith('/')) {
    // A fragment, or part of a decoded name: one purge too much rather than too little.
    const meant = target.includes('#') ? [target, target.replaceAll('#', '%23')] : [target];
    return meant.map((path) => ({ path: canonicalPath(path), host: undefined }));
  }
  const url = typeof target === 'string' && URL.canParse(target) ? new URL(target) : target;
  if (!(url instanceof URL) || !url.pathname.startsWith('/')) {
    throw new TypeError(
      `${inspect(target, { depth: 0 })} is not a page: give a path like "/posts/1", a URL, or an object with dependentPaths()`,
    );
  }
  const host = url.hostname.replace(/\.$/, '');
  if (hosts && !hosts.includes(host)) {
    throw new TypeError(`${url.href} is not a page of this site: its hosts are ${hosts.join(', ')}`);
  }
  return [{ path: canonicalPath(url.pathname), host: hosts && host }];
}

/**
 * The form in which a browser would ask for a path: `/käse ecke` becomes `/k%C3%A4se%20ecke`, `/%61bout` becomes `/about`.
 *
 * @param path decoded or encoded; what begins with a "?" is a query and is cut off: all queries of a page go with it
 * @throws {TypeError} when it does not begin with "/"
 */
export function canonicalPath(path: string): string {
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new TypeError(`${inspect(path, { depth: 0 })} is not a path: a path begins with "/"`);
  }
  if (PLAIN.test(path)) return path;
  // The parser of URLs would drop them.
  const visible = path.replace(/[\0- ]/g, encodeURIComponent);
  // Not resolved against a base: "//about" would be a host.
  const { pathname } = new URL(`http://localhost${visible}`);
  return pathname
    .split('/')
    .map((segment) => canonicalSegment(decodeLeniently(segment)))
    .join('/');
}

/**
 * The expression without the flags that make it remember where it has last matched.
 *
 * @throws {TypeError} when it is none
 */
export function pagePattern(pattern: RegExp): RegExp {
  if (!(pattern instanceof RegExp)) {
    throw new TypeError(`${inspect(pattern, { depth: 0 })} is not a regular expression`);
  }
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}

/** What is no percent-encoded UTF-8 stands for itself. */
function decodeLeniently(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
