import type { RequestHead } from './request-head.js';
import { compile, type Predicate, type Rule } from './rule.js';

/** Rules as the predicates of a listener. */
export class RuleSet {
  readonly #rules: readonly { readonly reason: string; readonly bypasses: Predicate }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule) => ({ reason: rule.reason, bypasses: compile(rule) }));
  }

  /** The reason of the first rule that keeps the request away from the cache. */
  reasonToBypass(request: RequestHead): string | undefined {
    return this.#rules.find(({ bypasses }) => bypasses(request))?.reason;
  }
}
