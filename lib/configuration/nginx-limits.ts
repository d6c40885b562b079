import { allRules, type RequestRules } from '../rules/request-rules.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { fieldsOf, type RuleTest } from '../rules/rule.js';
import { type Variant, variantException, variantRule, variantTests } from '../rules/variant.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';

/** nginx reads parameters of up to 4096 bytes (NGX_CONF_BUFFER in src/core/ngx_conf_file.c), quotes included. */
const PATTERN_MAX_LENGTH = 4000;

/** Which option a rule is made from, by the reason of the rule. */
const OPTIONS: Record<string, keyof NginxCacheOptions> = {
  cookie: 'anonymousOnly',
  depth: 'query',
  excluded: 'exclude',
  'file-name': 'query',
  'not-included': 'include',
  query: 'query',
  'request-field': 'requestFields',
  shared: 'shared',
};

/** What nginx gets for an option, and how the option can become shorter. */
interface Part {
  readonly option: string;
  readonly given: unknown;
  readonly tests: readonly RuleTest[];
  readonly cure: string;
}

/** @throws {NginxCacheConfigError} when nginx could not read the pattern that is made from an option */
export function mustFitInNginx(rules: RequestRules, options: NginxCacheOptions): void {
  const variants = (options.variants ?? []).flatMap(variantParts);
  for (const { option, given, tests, cure } of [...variants, ...ruleParts(rules, options)]) {
    const longest = Math.max(0, ...tests.map(lengthOf));
    if (longest <= PATTERN_MAX_LENGTH) continue;
    throw new NginxCacheConfigError(
      option,
      given,
      `shorter: it becomes a pattern of ${longest} bytes, and nginx reads up to ${PATTERN_MAX_LENGTH}; ${cure}`,
    );
  }
}

function variantParts(variant: Variant, index: number): Part[] {
  const part = { option: `variants.${index}`, given: variant };
  const values = [...variantTests(variant).map(({ test }) => test), ...(variantRule(variant)?.tests ?? [])];
  const paths = variantException(variant)?.rules.flatMap(({ tests }) => tests) ?? [];
  return [
    { ...part, tests: values, cure: 'give it fewer or shorter values' },
    { ...part, tests: paths, cure: 'shorten what is in include and exclude' },
  ];
}

function ruleParts(rules: RequestRules, options: NginxCacheOptions): Part[] {
  const cure = 'put several names into one with "*" or a regular expression';
  return [...allRules(rules), ...(rules.shared?.rules ?? [])].map(({ reason, tests }) => {
    const option = OPTIONS[reason] ?? 'nginx';
    return { option, given: options[option], tests, cure };
  });
}

/** The names of fields become names of variables, each with `$http_` in front. */
function lengthOf({ pattern, subject }: RuleTest): number {
  const names = fieldsOf(subject) ?? [];
  const variables = names.reduce((length, name) => length + name.length + '$http_'.length, 0);
  return Math.max(pattern.source.length, variables);
}
