import type { CheckedOptions } from '../options/checked-options.js';
import { MEMCACHED_KEY_MAX_LENGTH } from '../page/memcached-key.js';
import { keyLead, shortKeySources } from '../page/page-key.js';
import { parameterSource } from '../rules/query.rule.js';
import { type Variant, variantException, variantSubject, variantTests } from '../rules/variant.js';
import { formVariable } from './fragment-locations.js';
import { exceptionMaps, regexp } from './rule-map.js';
import { map } from './syntax.js';
import type { SiteNames } from './variables.js';

/**
 * The `map`s that make the page key of a request, as `PageKeys` does: from `$request_uri`, the request target as it came
 * over the wire (`$uri` is decoded, and both it and `$args` change with redirects inside nginx).
 * Only named captures are used: `$1` belongs to the map that was evaluated last.
 */
export function keyMaps(options: CheckedOptions, names: SiteNames): string[] {
  const { prefix, query, variants } = options;
  const parameters = query.allow.map((name, index) => {
    const group = names.of(`value_${index}`);
    return { name, group, variable: names.variable(`parameter_${index}`) };
  });
  const capture = (what: string) => [names.of(`raw_${what}`), names.variable(`raw_${what}`)] as const;
  const [path, pathVariable] = capture('path');
  const [rawQuery, queryVariable] = capture('query');
  const [kept, keptVariable] = capture('kept');
  const keptQuery = parameters.length > 0 ? names.variable('kept_query') : '';
  const { lead, target } = keyParts(options, names);
  return [
    ...map('$request_uri', names.variable('path'), [
      // An absolute-form target without a path: nginx passes "/" on (RFC 9112, section 3.2.2).
      ['~^\\?', '/'],
      [`~^(?<${path}>[^?]*)`, pathVariable],
    ]),
    ...map('$request_uri', names.variable('query'), [[`~^[^?]*\\?(?<${rawQuery}>.*)$`, queryVariable]]),
    ...parameters.flatMap(({ name, group, variable }) =>
      map(names.variable('query'), variable, [[`~${parameterSource(name, group)}`, `&${name}=$${group}`]]),
    ),
    ...(keptQuery === ''
      ? []
      : map(`"${parameters.map(({ variable }) => variable).join('')}"`, keptQuery, [
          [`~^&(?<${kept}>.*)$`, `?${keptVariable}`],
        ])),
    ...variants.flatMap((variant, index) => variantMaps(variant, names.variable(`variant_${index}`), names)),
    ...map('""', names.variable('key'), [['default', `${prefix}${lead}${target}`]]),
    ...map(names.variable('key'), names.variable('bypass_key_length'), [
      ['default', 'key-length '],
      [`~^.{${MEMCACHED_KEY_MAX_LENGTH + 1}}`, 'key-length '],
      ...shortKeySources().map((source): [string, string] => [`~${source}`, '']),
    ]),
  ];
}

/** What a key is made of, after its prefix: host, variants and form, path and allowed query. */
export function keyParts(
  { hosts, query, variants, form, fragments }: CheckedOptions,
  names: SiteNames,
): { lead: string; target: string } {
  const chosen = variants.map(({ name }, index) => [name, names.variable(`variant_${index}`)] as const);
  const keptQuery = query.allow.length > 0 ? names.variable('kept_query') : '';
  const host = hosts ? '$host' : '';
  const lead = fragments.isUsed ? `${keyLead(host, chosen)}${formVariable(names)}` : keyLead(host, chosen, form);
  return { lead, target: `${names.variable('path')}${keptQuery}` };
}

/** The key of a fragment: that of the page around it, with another path, as `PageKeys.ofFragment()` makes it. */
export function fragmentKey({ options, names }: { options: CheckedOptions; names: SiteNames }): string {
  return `${options.prefix}${keyParts(options, names).lead}$uri`;
}

/** The value of a variant: that of the request, if the page varies by it. */
function variantMaps(variant: Variant, variable: string, names: SiteNames): string[] {
  const exception = variantException(variant);
  const sent = exception ? variable.replace('_variant_', '_sent_') : variable;
  const lines = map(names.subject(variantSubject(variant)), sent, [
    ['default', variant.default],
    ...variantTests(variant).map(({ value, test }): [string, string] => [regexp(test.pattern), value]),
  ]);
  if (!exception) return lines;
  const chosen = map(names.variable(exception.name), variable, [
    ['default', variant.default],
    ['', sent],
  ]);
  return [...lines, ...exceptionMaps(exception, names), ...chosen];
}
