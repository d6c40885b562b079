import { allRules, type RequestRules } from '../rules/request-rules.js';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { variantException } from '../rules/variant.js';
import { fieldsOf } from '../rules/rule.js';
import type { NginxCacheOptions } from '../options/nginx-cache-options.js';

/** nginx reads parameters of up to 4096 bytes (NGX_CONF_BUFFER in src/core/ngx_conf_file.c), quotes included. */
const PATTERN_MAX_LENGTH = 4000;

/** Which option a rule is made from, by the reason of the rule. */
const OPTIONS: Record<string, keyof NginxCacheOptions> = {
  cookie: 'anonymousOnly',
  excluded: 'exclude',
  'not-included': 'include',
  query: 'query',
  'request-field': 'requestFields',
  shared: 'shared',
};

/** @throws {NginxCacheConfigError} when nginx could not read the pattern that is made from an option */
export function mustFitInNginx(rules: RequestRules, options: NginxCacheOptions): void {
  const exceptions = (options.variants ?? []).flatMap((variant) => variantException(variant)?.rules ?? []);
  for (const rule of [...allRules(rules), ...(rules.shared?.rules ?? []), ...exceptions]) {
    const { reason, tests } = rule;
    // The names of fields become names of variables, each with `$http_` in front.
    const longest = Math.max(
      0,
      ...tests.flatMap(({ pattern, subject }) => [
        pattern.source.length,
        (fieldsOf(subject) ?? []).reduce((length, name) => length + name.length + '$http_'.length, 0),
      ]),
    );
    if (longest <= PATTERN_MAX_LENGTH) continue;
    const option = exceptions.includes(rule) ? 'variants' : (OPTIONS[reason] ?? 'nginx');
    throw new NginxCacheConfigError(
      option,
      options[option],
      `shorter: it becomes a pattern of ${longest} bytes, and nginx reads up to ${PATTERN_MAX_LENGTH}; ` +
        'put several names into one with "*" or a regular expression',
    );
  }
}
