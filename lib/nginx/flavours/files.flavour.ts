import { bodyFormat } from '../../page/body-format.js';
import { SPAN, SPAN_KINDS } from '../../page/copy-spans.js';
import {
  COPY_BODY,
  LEASE,
  PAGE_BODY,
  PAGE_FILE_MARK,
  PAGE_LINKS,
  SITE_DIRECTORIES,
  siteDirectory,
} from '../../page/page-file.js';
import { contentType, gzipTypes, typeDecision, typeLocations, typeMaps } from '../content-types.js';
import { fragmentDecision, ssiLocation } from '../fragment-locations.js';
import type { Flavour, Site } from './flavour.js';
import { keyParts } from '../key-maps.js';
import { orFailure, sendsCopies } from '../stale-locations.js';
import { decision, fallback } from './lookup.js';
import { map, quoted } from '../syntax.js';
import type { SiteNames } from '../variables.js';

const REFUSED = 'bypass_coding';

const FOR_ALL = ['gzip_vary on;', 'gzip_proxied any;'];

/**
 * Pages as static files: nginx makes validators, ranges and conditional answers itself
 * (ngx_http_static_module, ngx_http_gzip_static_module).
 */
export const filesFlavour: Flavour = {
  name: 'files',
  store: 'files',
  statuses: [200],
  because: 'the files flavour stores no status',
  format: bodyFormat,

  modules: ({ options }) => (options.store.files?.brotli ? ['ngx_http_brotli_static_module.so'] : []),

  http: (site) => {
    const { options, names } = site;
    const { lead, target } = keyParts(options, names);
    const directory = `/${PAGE_FILE_MARK}${lead}`;
    const second = names.of('raw_second');
    return [
      '',
      '# The directory of a page, the same as pageFile() in the application.',
      '# A key may begin with its path.',
      ...map(`"${lead}"`, names.variable('file'), [
        ['default', `${directory}${target}${PAGE_FILE_MARK}`],
        ['', `${target}${PAGE_FILE_MARK}`],
      ]),
      '# Pages with a ttl exist only during the seconds that the application has marked.',
      ...map('$msec', names.variable('second'), [[`~^(?<${second}>[0-9]+)`, `$${second}`]]),
      ...(options.store.files?.brotli ? brotliRefused(names) : []),
      ...typeMaps(site),
      ...spanMaps(site),
    ];
  },

  location: (site) => {
    const { options, names } = site;
    const refused = options.store.files?.brotli ? names.variable(REFUSED) : '';
    return [
      ...decision({ ...site, bypass: site.bypass + refused }),
      ...fragmentDecision(site),
      ...typeDecision(site),
      ...page(site, always(site)),
    ];
  },
  locations: (site) => [
    ...typeLocations(site, (type) => page(site, always(site, type))),
    ...ssiLocation(site, () => page(site, withFragments(site))),
  ],
  copy: (site) => [
    ...fragmentDecision(site, 'stale_ssi'),
    ...typeDecision(site, 'stale_type'),
    ...copy(site, always(site)),
  ],
  copyLocations: (site) => [
    ...typeLocations(site, (type) => copy(site, always(site, type)), 'stale_type'),
    ...ssiLocation(site, () => copy(site, withFragments(site)), 'stale_ssi'),
  ],
  fragment: (site) => {
    const { options, names } = site;
    const file = names.variable('fragment_file');
    const path = `/${PAGE_FILE_MARK}${keyParts(options, names).lead}$uri${PAGE_FILE_MARK}`;
    return [
      `set ${file} ${quoted(path)};`,
      ...found(site, contentType(options.contentTypes.ofAll), bodies(site, file), []),
    ];
  },
  files: () => ({}),
};

/** @param sending the lines that say how it is sent */
function page(site: Site, sending: readonly string[]): string[] {
  const otherwise = [
    '# The file is not readable, or was purged after nginx found it. If the site refuses the request, it does so again in that location.',
    `error_page 403 = ${site.names.variable('fallback')};`,
    ...fallback(site),
  ];
  return found(site, sending, bodies(site, site.names.variable('file')), otherwise);
}

/** Where a page may be, the most usual place first. */
function bodies({ options, names }: Site, file: string): string[] {
  const expiring = quoted(`/${LEASE}${names.variable('second')}${file}/${PAGE_LINKS.expiring}/${PAGE_BODY}`);
  const kept = quoted(`/${SITE_DIRECTORIES.pages}${file}/${PAGE_LINKS.kept}/${PAGE_BODY}`);
  return options.ttl === 0 ? [kept, expiring] : [expiring, kept];
}

/** Where the copy of a page may be, for each length of the spans in which the copy may be sent. */
function copy(site: Site, sending: readonly string[]): string[] {
  const { names } = site;
  const version = `/${SITE_DIRECTORIES.pages}${names.variable('file')}/${PAGE_LINKS.expiring}`;
  const files = spans(names).map(({ variable }) => quoted(`${version}/${SPAN}${variable}/${COPY_BODY}`));
  return found(site, sending, files, orFailure(site));
}

function spans(names: SiteNames): { variable: string; group: string; kind: number }[] {
  return Array.from({ length: SPAN_KINDS }, (_, kind) => {
    return { variable: names.variable(`span_${kind}`), group: names.of(`raw_span_${kind}`), kind };
  });
}

function spanMaps({ options, names }: Site): string[] {
  if (!sendsCopies(options)) return [];
  return [
    '# The periods of 1 second, 10 seconds, … that contain this moment. The application marks those in which a copy may be sent.',
    ...spans(names).flatMap(({ variable, group, kind }) =>
      map('$msec', variable, [[`~^(?<${group}>[0-9]+)[0-9]{${kind}}\\.`, `$${group}`]]),
    ),
  ];
}

/**
 * @param sending the lines that say how it is sent
 * @param files where it may be
 * @param otherwise the lines for when it is in none of these places
 */
function found(
  { options }: Site,
  sending: readonly string[],
  files: readonly string[],
  otherwise: readonly string[],
): string[] {
  const root = `${options.store.files?.root}/${siteDirectory(options.prefix)}`;
  return [
    `root ${quoted(root)};`,
    `try_files ${files.join(' ')} =404;`,
    ...otherwise,
    'log_not_found off;',
    '',
    'sendfile on;',
    '# nginx would go on serving an open file after its page has been purged.',
    'open_file_cache off;',
    '# Leases are links, and the directory of a page contains another link.',
    'disable_symlinks off;',
    ...sending,
  ];
}

/** For bytes that are those of the file, for everybody. */
function always(site: Site, type = site.options.contentTypes.ofAll): string[] {
  return [
    '# A version may have an earlier date than the one that it replaces.',
    'if_modified_since exact;',
    'etag on;',
    '',
    ...compression(site, type),
    ...contentType(type),
  ];
}

/** For bytes that are one visitor's: neither the date nor the packed form of the file stands for them. */
function withFragments({ options: { contentTypes } }: Site): string[] {
  return [
    'if_modified_since off;',
    'etag off;',
    '',
    ...packedEachTime(contentTypes.ofAll),
    ...contentType(contentTypes.ofAll),
  ];
}

/** ngx_brotli takes `br;q=0` for a wish for brotli; it means the contrary (RFC 9110, section 12.4.2). */
function brotliRefused(names: SiteNames): string[] {
  return map('$http_accept_encoding', names.variable(REFUSED), [
    ['default', ''],
    ['~*(?:^|[,\\s])br\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$)', 'coding '],
  ]);
}

/** Pages are packed once, when they are stored; without `compress`, they are packed each time. */
function compression({ options: { compress, store } }: Site, type: string): string[] {
  if (!compress) return packedEachTime(type);
  return ['gzip off;', 'gzip_static on;', ...(store.files?.brotli ? ['brotli_static on;'] : []), ...FOR_ALL];
}

function packedEachTime(type: string): string[] {
  return ['gzip on;', 'gzip_min_length 1000;', ...gzipTypes(type), ...FOR_ALL];
}
