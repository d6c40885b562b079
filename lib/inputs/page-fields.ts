import type { IncomingHttpHeaders } from 'node:http';
import { PRECONDITIONS, VALIDATIONS } from '../http/fields-of-one-request.js';
import { FROM_NGINX } from '../page/page-key-header.js';
import type { Variant } from '../rules/variant.js';
import { variantFields } from '../rules/variant.js';

/** With a value, these fields keep a request away from the cache (lib/rules), so they say nothing in a request that may become a page. */
const GOVERNED = ['authorization', 'upgrade', 'content-length', 'transfer-encoding'];

/** They describe content, and a request with content is kept away from the cache. */
const OF_CONTENT = ['content-type', 'content-encoding'];

/**
 * Requests with these fields are answered, but no page is made from the answer (conditional-request.listener.ts). Nothing else may depend on these
 * fields, because nginx removes them.
 */
const CONDITIONS = ['range', ...PRECONDITIONS, ...VALIDATIONS];

/** The members of `Accept-Encoding` that the application sees. Pages are stored without a coding. */
const CODINGS = /^(?:gzip|x-gzip|deflate|compress|br|zstd|identity|\*)(?:;q=[01](?:\.[0-9]{1,3})?)?$/;

/** What a page may be made from, besides the path and the query of its key. */
export interface PageFieldOptions {
  readonly variants: readonly Variant[];
  /** Fields that keep a request away from the cache. */
  readonly bypass: readonly string[];
  /** Fields that make no difference. */
  readonly ignore: readonly string[];
  readonly pass: 'all' | 'key';
}

/** The request fields that the application sees while a page is made: the same for all visitors who would get the page. */
export class PageFields {
  readonly #left: ReadonlySet<string>;
  readonly #kept: ReadonlySet<string>;
  readonly #free: ReadonlySet<string>;

  constructor(private readonly options: PageFieldOptions) {
    const { variants, bypass, ignore } = options;
    this.#left = new Set([...GOVERNED, ...OF_CONTENT, ...bypass, ...FROM_NGINX, 'cookie']);
    this.#kept = new Set([...ignore, 'host', 'accept-encoding', 'connection', ...CONDITIONS]);
    const chosen = variants.flatMap(({ header }) => header?.toLowerCase() ?? []);
    this.#free = new Set([
      ...this.#left,
      ...ignore,
      ...chosen,
      ...CONDITIONS,
      'accept-encoding',
      'connection',
      ':method',
      ':path',
    ]);
  }

  /** Whether a field may be read: it is the same for everybody who gets the page, or makes no difference. */
  isFree(name: string): boolean {
    return this.#free.has(name);
  }

  /**
   * @param sent the fields that the client has sent
   * @param values the value of each variant
   */
  of(sent: IncomingHttpHeaders, values: Readonly<Record<string, string>>): IncomingHttpHeaders {
    const { variants, pass } = this.options;
    const fields = Object.create(Object.getPrototypeOf(sent) as object | null) as IncomingHttpHeaders;
    for (const name in sent) {
      if (this.#left.has(name) || (pass === 'key' && !this.#kept.has(name) && !name.startsWith(':'))) continue;
      fields[name] = sent[name];
    }
    const codings = sent['accept-encoding'];
    if (typeof codings === 'string') fields['accept-encoding'] = knownCodings(codings);
    const connection = sent.connection?.toLowerCase();
    if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') delete fields.connection;
    if (variants.length === 0) return fields;
    for (const [name, value] of Object.entries(variantFields(variants, values))) fields[name.toLowerCase()] = value;
    return fields;
  }
}

/** The results for usual fields: most visitors use one of a few browsers. */
const usual = new Map<string, string>();
const MAX_USUAL = 100;

/** Leaves only codings that everybody knows. */
function knownCodings(field: string): string {
  const remembered = usual.get(field);
  if (remembered !== undefined) return remembered;
  const codings = field.split(',').map((coding) => coding.replace(/[\t ]/g, '').toLowerCase());
  const known = codings.filter((coding) => CODINGS.test(coding)).join(', ');
  if (usual.size < MAX_USUAL) usual.set(field, known);
  return known;
}

/** The same fields in their raw form: name and value in turn. A field that has been changed appears once. */
export function rawFields(raw: readonly string[], sent: IncomingHttpHeaders, fields: IncomingHttpHeaders): string[] {
  const list: string[] = [];
  const done = new Set<string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const key = name.toLowerCase();
    if (fields[key] === sent[key] && fields[key] !== undefined) list.push(name, raw[index + 1] ?? '');
    else if (fields[key] !== undefined && !done.has(key)) list.push(name, String(fields[key]));
    done.add(key);
  }
  for (const [key, value] of Object.entries(fields)) if (!done.has(key)) list.push(key, String(value));
  return list;
}
