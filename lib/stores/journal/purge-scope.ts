import type { PageAddress } from '../../page/page-key.js';

/** One query of a path. */
export interface ExactTarget {
  /** Path and allowed query. */
  readonly target: string;
  readonly host?: string | undefined;
  /** The value of each variant, by its name; all variants when absent. */
  readonly variants?: Readonly<Record<string, string>>;
}

/** The pages that a purge takes, in a form that can be written down for other processes. */
export type PurgeScope =
  | { readonly kind: 'all' }
  /** Every query of the paths, on one host or on all hosts. */
  | {
      readonly kind: 'paths';
      readonly paths: readonly { readonly path: string; readonly host?: string | undefined }[];
      /** Nothing is deleted: the process that writes this renders the pages again. */
      readonly refresh?: true;
    }
  /** Pages by path and query: in every variant, or in one. */
  | { readonly kind: 'targets'; readonly targets: readonly ExactTarget[]; readonly refresh?: true }
  | { readonly kind: 'under'; readonly path: string }
  | { readonly kind: 'matching'; readonly source: string; readonly flags: string }
  | { readonly kind: 'tags'; readonly tags: readonly string[] };

/** Paths with all of their queries. */
export type PathsScope = Extract<PurgeScope, { kind: 'paths' }>;

const NO_TAGS: ReadonlySet<string> = new Set();

/** Whether a purge takes a page. A scope that this version does not understand takes every page. */
export function concerns(scope: PurgeScope, address: PageAddress, tags = NO_TAGS): boolean {
  try {
    return takes(scope, address, tags);
  } catch {
    return true;
  }
}

/** As `concerns`, for a page whose tags are not known here. */
export function mayConcern(scope: PurgeScope, address: PageAddress): boolean {
  return scope.kind === 'tags' || concerns(scope, address);
}

function takes(scope: PurgeScope, address: PageAddress, tags: ReadonlySet<string>): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'paths':
      return named(scope.paths, ({ path }) => path, address.path).some(
        ({ host }) => host === undefined || host === address.host,
      );
    case 'targets':
      return named(scope.targets, ({ target }) => target, address.target).some((exact) => isAt(exact, address));
    case 'under':
      return address.path === (scope.path || '/') || address.path.startsWith(`${scope.path}/`);
    case 'matching':
      return new RegExp(scope.source, scope.flags.replace(/[gy]/g, '')).test(address.target);
    case 'tags':
      return scope.tags.some((tag) => tags.has(tag));
  }
}

/** What each purge names, by its name. */
const indexes = new WeakMap<readonly object[], Map<string, unknown[]>>();

/** What has a name in a list, without a search: a purge may name thousands of paths, and is compared with every page. */
function named<T>(all: readonly T[], nameOf: (one: T) => string, name: string): readonly T[] {
  let index = indexes.get(all as readonly object[]) as Map<string, T[]> | undefined;
  if (!index) {
    index = new Map();
    for (const one of all) {
      const same = index.get(nameOf(one));
      if (same) same.push(one);
      else index.set(nameOf(one), [one]);
    }
    indexes.set(all as readonly object[], index);
  }
  return index.get(name) ?? [];
}

function isAt({ target, host, variants }: ExactTarget, address: PageAddress): boolean {
  if (target !== address.target || (host !== undefined && host !== address.host)) return false;
  return !variants || Object.entries(variants).every(([name, value]) => address.variants[name] === value);
}

/** Whether the purge deletes nothing: the process that wrote it renders the pages again. */
export function isRefresh(scope: PurgeScope): boolean {
  return 'refresh' in scope && scope.refresh === true;
}

/** How many pages, tags or rules a purge names. */
export function sizeOf(scope: PurgeScope): number {
  switch (scope.kind) {
    case 'paths':
      return scope.paths.length;
    case 'targets':
      return scope.targets.length;
    case 'tags':
      return scope.tags.length;
    default:
      return 1;
  }
}

/** For reports: paths, `/path/*`, the regular expression, `tag:name`. */
export function describe(scope: PurgeScope): string[] {
  switch (scope.kind) {
    case 'all':
      return ['/*'];
    case 'paths':
      return [...new Set(scope.paths.map(({ path }) => path))];
    case 'targets':
      return [...new Set(scope.targets.map(({ target }) => target))];
    case 'under':
      return [`${scope.path}/*`];
    case 'matching':
      return [`/${scope.source}/${scope.flags}`];
    case 'tags':
      return scope.tags.map((tag) => `tag:${tag}`);
  }
}

/** The scope that an entry of the journal contains. An entry that this version does not know counts as a purge of everything. */
export function readScope(entry: string): PurgeScope {
  try {
    const scope = JSON.parse(entry) as PurgeScope;
    const isKnown = ['paths', 'targets', 'under', 'matching', 'tags'].includes(scope.kind);
    return isKnown && Number.isInteger(sizeOf(scope)) ? scope : { kind: 'all' };
  } catch {
    return { kind: 'all' };
  }
}

/**
 * A scope as it is written down, in parts.
 *
 * @param size the most characters of a part, enough for one path or tag; a longer regular expression becomes "everything"
 */
export function writeScope(scope: PurgeScope, size: number): string[] {
  const whole = JSON.stringify(scope);
  if (whole.length <= size) return [whole];
  const halves = halvesOf(scope);
  return halves ? halves.flatMap((half) => writeScope(half, size)) : ['{"kind":"all"}'];
}

function halvesOf(scope: PurgeScope): PurgeScope[] | undefined {
  const middle = sizeOf(scope) >> 1;
  if (middle === 0) return undefined;
  switch (scope.kind) {
    case 'paths':
      return [
        { ...scope, paths: scope.paths.slice(0, middle) },
        { ...scope, paths: scope.paths.slice(middle) },
      ];
    case 'targets':
      return [
        { ...scope, targets: scope.targets.slice(0, middle) },
        { ...scope, targets: scope.targets.slice(middle) },
      ];
    case 'tags':
      return [
        { ...scope, tags: scope.tags.slice(0, middle) },
        { ...scope, tags: scope.tags.slice(middle) },
      ];
    default:
      return undefined;
  }
}
