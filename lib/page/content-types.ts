import { toRegExp } from '../rules/pattern.js';
import { pathPattern } from '../rules/path.rule.js';
import { decodedPath, rawPath } from '../rules/request-head.js';

/** The content type of each page where nginx keeps only the body: the type of its path, or else the type of all pages. */
export class ContentTypes {
  readonly #types: readonly { readonly path: RegExp; readonly type: string }[];

  /** @param byPath types by paths like `/api/*`; the first that matches counts */
  constructor(
    readonly ofAll: string,
    readonly byPath: Readonly<Record<string, string>>,
  ) {
    this.#types = Object.entries(byPath).map(([path, type]) => ({ path: toRegExp(pathPattern(path)), type }));
  }

  /** The types of single paths that are not the type of all pages, each once. */
  get others(): string[] {
    return [...new Set(Object.values(this.byPath))].filter((type) => type !== this.ofAll);
  }

  /** @param path the path as it was sent; patterns are tried on it, and then on the decoded path */
  of(path: string): string {
    const typeOf = (text: string) => this.#types.find((one) => one.path.test(text))?.type;
    return typeOf(path) ?? typeOf(decodedPath(path)) ?? this.ofAll;
  }

  /** @param key the key with its prefix, which contains no slash */
  ofKey(key: string): string {
    return this.of(rawPath(key.slice(Math.max(0, key.indexOf('/')))));
  }
}
