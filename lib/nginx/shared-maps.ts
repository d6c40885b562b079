import type { Site } from './flavours/flavour.js';
import { exceptionMaps, ownVerdict } from './rule-map.js';
import { map } from './syntax.js';

/** The value of `PERSONAL` for such a visitor. The values of maps begin with it. */
export const IS_PERSONAL = 'personal ';

/** The variable that tells whether cookies or credentials keep a visitor away from all pages but the shared ones. */
const PERSONAL = 'personal';

/** `shared`: the pages from which cookies and credentials do not keep a visitor away. */
export function sharedMaps({ options, names }: Site): string[] {
  const { shared, anonymous } = options.rules;
  if (!shared) return [];
  return [
    '# Pages that are the same for every visitor, and the requests that must not be used to render them.',
    ...exceptionMaps(shared, names),
    ...map(`"${anonymous.map((rule) => ownVerdict(rule, names)).join('')}"`, names.variable(PERSONAL), [
      ['default', IS_PERSONAL],
      ['', ''],
    ]),
  ];
}

/** In a map, stands for `IS_PERSONAL` or for nothing. */
export function personal({ options, names }: Site): string {
  return options.rules.shared ? names.variable(PERSONAL) : '';
}
