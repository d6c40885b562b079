import { SHARED_FRAGMENT_PATH } from '../page/fragment-paths.js';
import { isKeyTooLong, type PageKeys } from '../page/page-key.js';
import { allRules, type RequestRules } from '../rules/request-rules.js';
import type { Subject } from '../rules/rule.js';
import { RuleSet } from '../rules/rule-set.js';
import type { PurgeScope } from '../stores/journal/purge-scope.js';

/** What depends on the address alone, whoever asks for it. */
const OF_ADDRESSES: ReadonlySet<string> = new Set<Subject>(['path', 'decodedPath', 'query']);

/**
 * The part of a purge that can concern a page. The rest is never stored: an excluded path, an alias, or an address whose key is too long. So
 * no rendering has to be checked against it, and nobody can fill the journal with such addresses.
 */
export class CacheableScope {
  readonly #rules: RuleSet;

  constructor(
    rules: RequestRules,
    private readonly keys: PageKeys,
  ) {
    const ofAddresses = allRules(rules).filter(({ tests }) => tests.every(({ subject }) => OF_ADDRESSES.has(subject)));
    this.#rules = new RuleSet(ofAddresses);
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

  /** Why an address, with its query, can be no page; `undefined` when it may be one. */
  reason(target: string): string | undefined {
    if (target.startsWith(SHARED_FRAGMENT_PATH)) return undefined;
    return this.#rules.first({ method: 'GET', target, headers: {} })?.reason;
  }

  private isCacheable(target: string): boolean {
    if (isKeyTooLong(this.keys.prefix + target)) return false;
    return this.reason(target) === undefined;
  }
}
