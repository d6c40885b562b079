import type { PageAddress } from '../page/page-key.js';

/** What a purge takes, in a form that can be written down for other processes. */
export type PurgeScope =
  | { readonly kind: 'all' }
  /** Every query of the paths, on the host or on all. */
  | {
      readonly kind: 'paths';
      readonly paths: readonly { readonly path: string; readonly host?: string | undefined }[];
      /** Nothing is deleted: whoever says so renders the pages anew. */
      readonly refresh?: true;
    }
  | { readonly kind: 'keys'; readonly keys: readonly string[] }
  | { readonly kind: 'under'; readonly path: string }
  | { readonly kind: 'matching'; readonly source: string; readonly flags: string }
  | { readonly kind: 'tags'; readonly tags: readonly string[] };

/** Paths with all of their queries. */
export type PathsScope = Extract<PurgeScope, { kind: 'paths' }>;

const NO_TAGS: ReadonlySet<string> = new Set();

/** Whether a purge takes a page; one that this version does not understand takes every page. */
export function concerns(scope: PurgeScope, address: PageAddress, tags = NO_TAGS): boolean {
  try {
    return takes(scope, address, tags);
  } catch {
    return true;
  }
}

function takes(scope: PurgeScope, address: PageAddress, tags: ReadonlySet<string>): boolean {
  switch (scope.kind) {
    case 'all':
      return true;
    case 'paths':
      return scope.paths.some(
        ({ path, host }) => path === address.path && (host === undefined || host === address.host),
      );
    case 'keys':
      return scope.keys.includes(address.key);
    case 'under':
      return address.path === (scope.path || '/') || address.path.startsWith(`${scope.path}/`);
    case 'matching':
      return new RegExp(scope.source, scope.flags.replace(/[gy]/g, '')).test(address.target);
    case 'tags':
      return scope.tags.some((tag) => tags.has(tag));
  }
}

/** How many pages, tags or rules a purge names. */
export function sizeOf(scope: PurgeScope): number {
  switch (scope.kind) {
    case 'paths':
      return scope.paths.length;
    case 'keys':
      return scope.keys.length;
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
    case 'keys':
      return [...new Set(scope.keys.map((key) => key.slice(key.indexOf('/'))))];
    case 'under':
      return [`${scope.path}/*`];
    case 'matching':
      return [`/${scope.source}/${scope.flags}`];
    case 'tags':
      return scope.tags.map((tag) => `tag:${tag}`);
  }
}

/** What an entry of the journal says; of one that this version does not know, the worst is assumed. */
export function readScope(entry: string): PurgeScope {
  try {
    const scope = JSON.parse(entry) as PurgeScope;
    return ['paths', 'keys', 'under', 'matching', 'tags'].includes(scope.kind) ? scope : { kind: 'all' };
  } catch {
    return { kind: 'all' };
  }
}
