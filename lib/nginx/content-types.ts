import { pathPattern } from '../rules/path.rule.js';
import type { Site } from './flavours/flavour.js';
import { regexp } from './rule-map.js';
import { sendsCopies } from './stale-locations.js';
import { block, map } from './syntax.js';

/** Pages have a location for each type, and so do the copies that outlive them. */
type Of = 'type' | 'stale_type';

/** nginx has no variable for a content type, so each has a location of its own. */
const locationOf = ({ names, options }: Site, type: string, of: Of = 'type') =>
  `@${names.of(`${of}_${options.contentTypes.others.indexOf(type)}`)}`;

/** Which location sends a page whose type is not the default: decides like `ContentTypes.of()`. */
export function typeMaps(site: Site): string[] {
  const { names, options } = site;
  const types = Object.entries(options.contentTypes.byPath);
  if (options.contentTypes.others.length === 0) return [];
  const lines = types.map(([path, type]): [string, string] => [
    regexp(pathPattern(path)),
    type === options.contentTypes.ofAll ? '' : locationOf(site, type),
  ]);
  const decoded = names.variable('type_decoded');
  return [
    '',
    '# Where the pages of another content type are sent.',
    ...map('$uri', decoded, [['default', ''], ...lines]),
    ...map(names.variable('path'), names.variable('type'), [['default', decoded], ...lines]),
    ...(sendsCopies(options)
      ? map(
          names.variable('type'),
          names.variable('stale_type'),
          options.contentTypes.others.map((type) => [locationOf(site, type), locationOf(site, type, 'stale_type')]),
        )
      : []),
  ];
}

/** Leads a request that may be answered from the cache to the location of its type. */
export function typeDecision({ names, options }: Site, of: Of = 'type'): string[] {
  if (options.contentTypes.others.length === 0) return [];
  const location = names.variable(of);
  return [
    '# This status never leaves nginx, either.',
    `error_page 419 = ${location};`,
    `if (${location}) {`,
    '    return 419;',
    '}',
  ];
}

/** @param page the lines that send a page of a type */
export function typeLocations(site: Site, page: (type: string) => string[], of: Of = 'type'): string[] {
  return site.options.contentTypes.others.flatMap((type, index) => [
    ...(index === 0 ? [] : ['']),
    ...block(`location ${locationOf(site, type, of)}`, page(type)),
  ]);
}

/** What nginx says about the type of a page, and how nginx packs a page that is not stored packed. */
export function contentType(contentType: string): string[] {
  const { type, charset } = partsOf(contentType);
  return [
    'types { }',
    `default_type ${type};`,
    `charset ${charset};`,
    ...(charset === 'off' || type === 'text/html' ? [] : [`charset_types ${type};`]),
  ];
}

export function gzipTypes(contentType: string): string[] {
  const { type } = partsOf(contentType);
  return type === 'text/html' ? [] : [`gzip_types ${type};`];
}

function partsOf(contentType: string): { type: string; charset: string } {
  const [type = '', charset = 'off'] = contentType.split(/; ?charset=/i);
  return { type, charset };
}
