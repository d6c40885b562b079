import { type PathPattern, pathPattern } from '../rules/path.rule.js';
import { toRegExp } from '../rules/pattern.js';
import { decodedPath } from '../rules/request-head.js';
import type { ContentTypes } from './content-types.js';

/** The beginning of the paths at which nginx and the application ask for fragments. Visitors cannot. */
export const FRAGMENT_PATH = '/.page-fragment/';

/** The beginning of the paths of fragments that are the same for everybody. Each is stored under its own key. */
export const SHARED_FRAGMENT_PATH = `${FRAGMENT_PATH}shared/`;

export function isFragmentPath(path: string): boolean {
  return path.startsWith(FRAGMENT_PATH);
}

/** The paths whose pages contain fragments (`fragments`): nginx reads only these with its SSI filter. */
export class FragmentPaths {
  readonly #patterns: readonly RegExp[];

  /** @param types the content types; a page with a type of its own is no HTML, and has no fragments */
  constructor(
    readonly patterns: readonly PathPattern[],
    private readonly types: ContentTypes,
  ) {
    this.#patterns = patterns.map((pattern) => toRegExp(pathPattern(pattern)));
  }

  /** Whether any pages contain fragments. */
  get isUsed(): boolean {
    return this.#patterns.length > 0;
  }

  /**
   * Whether a page may contain fragments. Stored fragments may contain others.
   *
   * @param path the path as it was sent; patterns are tried on it, and then on the decoded path
   */
  has(path: string): boolean {
    if (path.startsWith(SHARED_FRAGMENT_PATH)) return true;
    if (!this.isUsed || this.types.of(path) !== this.types.ofAll) return false;
    const matches = (text: string) => this.#patterns.some((pattern) => pattern.test(text));
    return matches(path) || matches(decodedPath(path));
  }
}
