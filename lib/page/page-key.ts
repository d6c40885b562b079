import { hostOf, rawPath, rawQuery, type RequestHead } from '../rules/request-head.js';
import { pathForms, type TrailingSlash } from '../rules/canonical-path.rule.js';
import { toRegExp } from '../rules/pattern.js';
import { parameterSource } from '../rules/query.rule.js';
import { readerOf } from '../rules/rule.js';
import { type Variant, variantSubject, variantTests, variesBy } from '../rules/variant.js';
import { type FragmentPaths, isFragmentPath } from './fragment-paths.js';
import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey } from './memcached-key.js';

/** What a page key is made of. */
export interface PageKeyOptions {
  readonly prefix: string;
  readonly hosts: readonly string[] | undefined;
  readonly query: { readonly allow: readonly string[] };
  readonly variants?: readonly Variant[];
  readonly trailingSlash?: TrailingSlash;
  /** How nginx treats the stored value (`pageForm()`). Default: empty. */
  readonly form?: string;
  /** The paths of pages that nginx reads with its SSI filter: their keys have a form of their own. Default: none. */
  readonly fragments?: Pick<FragmentPaths, 'has'>;
}

/**
 * The key of a page, and the address of the page.
 *
 * @publicApi
 */
export interface PageAddress {
  /** `prefix + [host] + [variants] + [form] + raw path + [allowed query]`, one UTF-16 unit a byte: the string that nginx looks up. */
  readonly key: string;
  /** The raw path. */
  readonly path: string;
  /** Raw path and allowed query: the one request target that stands for the page. */
  readonly target: string;
  /** The host, when it is part of the key. */
  readonly host: string | undefined;
  /** The value of each variant, by its name. */
  readonly variants: Readonly<Record<string, string>>;
}

interface PathVariant extends Variant {
  /** Whether this variant makes a difference for the page of a request or of a path. */
  readonly varies: ReturnType<typeof variesBy>;
}

/** Makes the same page keys as nginx makes from `nginxConf()`. */
export class PageKeys {
  readonly #all: readonly PathVariant[];
  readonly #parameters: { readonly name: string; readonly value: RegExp }[];
  readonly #variants: ((request: RequestHead) => readonly [name: string, value: string])[];

  constructor(private readonly options: PageKeyOptions) {
    this.#parameters = options.query.allow.map((name) => ({ name, value: new RegExp(parameterSource(name, 'value')) }));
    this.#all = (options.variants ?? []).map((variant) => ({ ...variant, varies: variesAt(variant) }));
    this.#variants = this.#all.map((variant) => {
      const read = readerOf(variantSubject(variant));
      const tests = variantTests(variant).map(({ value, test }) => ({ value, regexp: toRegExp(test.pattern) }));
      return (request) => {
        if (!variant.varies(request)) return [variant.name, variant.default];
        const given = read(request);
        return [variant.name, tests.find(({ regexp }) => regexp.test(given))?.value ?? variant.default];
      };
    });
  }

  /** The page that a request asks for. Its key may be too long for a page. */
  of(request: RequestHead): PageAddress {
    const host = this.options.hosts && hostOf(request.headers);
    const variants = this.#variants.map((of) => of(request));
    return this.address(rawPath(request.target), rawQuery(request.target), host, Object.fromEntries(variants));
  }

  /**
   * The pages of a path, with one query: one for each form of the path, host and variant.
   *
   * @param query parameters that are not allowed are left out
   */
  ofPath(path: string, host?: string, query = ''): PageAddress[] {
    return this.forms(path).flatMap((form) => this.ofForm(form, host, query));
  }

  /** The pages of a path in one form. */
  ofForm(form: string, host?: string, query = ''): PageAddress[] {
    const hosts = host === undefined ? this.options.hosts : [host];
    return (hosts ?? [undefined]).flatMap((one) =>
      combinations(this.#all, form).map((variants) => this.address(form, query, this.options.hosts && one, variants)),
    );
  }

  /** The pages of one path and query: for one host and variant, or for all. */
  at({ target, host, variants }: Pick<PageAddress, 'target'> & Partial<PageAddress>): PageAddress[] {
    return this.ofForm(rawPath(target), host, rawQuery(target)).filter(
      (address) => !variants || Object.entries(variants).every(([name, value]) => address.variants[name] === value),
    );
  }

  /**
   * A fragment that is the same for everybody.
   *
   * @param around the page that contains it: the fragment has the same host and variants
   */
  ofFragment(path: string, { host, variants }: Pick<PageAddress, 'host' | 'variants'>): PageAddress {
    return this.address(path, '', host, variants);
  }

  /** What every key of the site begins with. */
  get prefix(): string {
    return this.options.prefix;
  }

  /** The forms in which a path is a page, with and without a slash at its end. */
  forms(path: string): string[] {
    return pathForms(path, this.options.trailingSlash ?? 'forbid');
  }

  /** The page of a stored key; `undefined` when the key is not one of this site's. */
  parse(key: string): PageAddress | undefined {
    if (!key.startsWith(this.options.prefix)) return undefined;
    const rest = key.slice(this.options.prefix.length);
    const slash = rest.indexOf('/');
    if (slash < 0) return undefined;
    const [host = '', ...pairs] = rest.slice(0, slash).split(';');
    const { hosts } = this.options;
    const target = rest.slice(slash);
    const form = this.formOf(rawPath(target));
    const variants = this.#all;
    if (form !== '' && pairs.pop() !== form) return undefined;
    if (hosts ? !hosts.includes(host) : host !== '') return undefined;
    const values = pairs.map((pair) => pair.split('=', 2) as [string, string]);
    const known = variants.map(
      ({ name, values: all }, index) => name === values[index]?.[0] && all.includes(values[index][1]),
    );
    if (values.length !== variants.length || known.includes(false)) return undefined;
    return { key, path: rawPath(target), target, host: hosts && host, variants: Object.fromEntries(values) };
  }

  private address(
    path: string,
    query: string,
    host: string | undefined,
    variants: Readonly<Record<string, string>>,
  ): PageAddress {
    const target = `${path}${this.keptQuery(query)}`;
    const lead = keyLead(host ?? '', Object.entries(variants), this.formOf(path));
    return { key: `${this.options.prefix}${lead}${target}`, path, target, host, variants };
  }

  private formOf(path: string): string {
    const { form = '', fragments } = this.options;
    return fragments?.has(path) ? fragmentForm(form) : form;
  }

  private keptQuery(query: string): string {
    if (query === '') return '';
    const kept = this.#parameters.flatMap(({ name, value }) => {
      const found = value.exec(query)?.groups?.['value'];
      return found === undefined ? [] : [`${name}=${found}`];
    });
    return kept.length > 0 ? `?${kept.join('&')}` : '';
  }
}

/** A fragment has the variants of the page that contains it. */
function variesAt(variant: Variant): PathVariant['varies'] {
  const varies = variesBy(variant);
  return (request) => isFragmentPath(request.target) || varies(request);
}

/**
 * The form of a page that nginx reads with its SSI filter. A page that was stored before its path was declared is never read with it.
 *
 * @param form the form of all other pages
 */
export function fragmentForm(form: string): string {
  return form === '' ? 'ssi' : `${form}.ssi`;
}

/** The part of a key between the prefix and the path. */
export function keyLead(
  host: string,
  variants: readonly (readonly [name: string, value: string])[],
  form = '',
): string {
  return [host, ...variants.map(([name, value]) => `${name}=${value}`), ...(form === '' ? [] : [form])].join(';');
}

// A host as the options allow it, with any variants and any form that earlier options may have had.
const REST = /^(?:[a-z0-9._-]*|\[[0-9a-f:.]+\])(?:;[\w.?=-]+)*\//;

/** Whether a key is that of a page, under these options or any others. */
export function isPageKey(key: string, prefix: string): boolean {
  return key.startsWith(prefix) && REST.test(key.slice(prefix.length));
}

/** Every combination of values of the variants by which the page of a path varies. */
function combinations([first, ...others]: readonly PathVariant[], path: string): Readonly<Record<string, string>>[] {
  if (!first) return [{}];
  const rest = combinations(others, path);
  const values = first.varies({ target: path }) ? first.values : [first.default];
  return values.flatMap((value) => rest.map((one) => ({ [first.name]: value, ...one })));
}

/** Whether the key is too long for memcached, so that nginx must not ask for it. */
export function isKeyTooLong(key: string): boolean {
  return memcachedKey(key).length > MEMCACHED_KEY_MAX_LENGTH;
}

/**
 * The opposite for nginx: patterns of keys that are short enough. Escaping adds two bytes for each `%`, so a key with at most n of them may have
 * `limit - 2n` bytes. (Bytes up to 0x20 never get as far as a key.)
 */
export function shortKeySources(limit = MEMCACHED_KEY_MAX_LENGTH): string[] {
  // The first pattern is enough for most keys: they are so short that every byte may be `%`.
  const sources = [`^.{1,${Math.floor(limit / 3)}}$`, `^[^%]{1,${limit}}$`];
  for (let n = 1; 3 * n <= limit; n += 1) {
    sources.push(`^(?=[^%]*(?:%[^%]*){1,${n}}$).{1,${limit - 2 * n}}$`);
  }
  return sources;
}
