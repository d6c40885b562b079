import type { RequestHead } from './request-head.js';
import { compile, type Predicate, type Rule } from './rule.js';

/** Rules, compiled. */
export class RuleSet {
  readonly #rules: readonly { readonly rule: Rule; readonly bypasses: Predicate }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule) => ({ rule, bypasses: compile(rule) }));
  }

  /** The first rule that keeps the request away from the cache. */
  first(request: RequestHead): Rule | undefined {
    return this.#rules.find(({ bypasses }) => bypasses(request))?.rule;
  }
}
