import { isKeyTooLong, type PageKeys } from '../page/page-key.js';
import type { Rule } from '../rules/rule.js';
import { RuleSet } from '../rules/rule-set.js';
import type { PurgeScope } from '../stores/journal/purge-scope.js';

/**
 * The part of a purge that can concern a page. Nothing that is being rendered has to be checked against the rest: an excluded path, or one
 * whose key is too long, is never stored. So nobody can fill the journal with such addresses.
 */
export class CacheableScope {
  readonly #rules: RuleSet;

  /** @param paths `include` and `exclude` */
  constructor(
    paths: readonly Rule[],
    private readonly keys: PageKeys,
  ) {
    this.#rules = new RuleSet(paths);
  }

  of(scope: PurgeScope): PurgeScope {
    switch (scope.kind) {
      case 'paths':
        return { ...scope, paths: scope.paths.filter(({ path }) => this.isCacheable(path)) };
      case 'targets':
        return { ...scope, targets: scope.targets.filter(({ target }) => this.isCacheable(target)) };
      default:
        return scope;
    }
  }

  private isCacheable(target: string): boolean {
    if (isKeyTooLong(this.keys.prefix + target)) return false;
    return this.#rules.first({ method: 'GET', target, headers: {} }) === undefined;
  }
}
