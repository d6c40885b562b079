import { hostOf, rawPath, rawQuery, type RequestHead } from '../rules/request-head.js';
import { parameterSource } from '../rules/query.rule.js';
import { MEMCACHED_KEY_MAX_LENGTH, memcachedKey } from './memcached-key.js';

/** What a page key is made of. */
export interface PageKeyOptions {
  readonly prefix: string;
  readonly hosts: readonly string[] | undefined;
  readonly query: { readonly allow: readonly string[] };
}

/** The key of a page, and the address that it stands for. */
export interface PageAddress {
  /** `prefix + [host] + raw path + [allowed query]`, one UTF-16 unit a byte: the string that nginx looks up. */
  readonly key: string;
  /** The raw path. */
  readonly path: string;
  /** Raw path and allowed query: the one request target that stands for the page. */
  readonly target: string;
  /** The host, when it is part of the key. */
  readonly host: string | undefined;
}

/** Makes page keys, the same that nginx makes from `nginxConf()`. */
export class PageKeys {
  readonly #parameters: { readonly name: string; readonly value: RegExp }[];

  constructor(private readonly options: PageKeyOptions) {
    this.#parameters = options.query.allow.map((name) => ({ name, value: new RegExp(parameterSource(name, 'value')) }));
  }

  /** The page that a request asks for; its key may be too long to be one. */
  of(request: RequestHead): PageAddress {
    const host = this.options.hosts && hostOf(request.headers);
    return this.address(rawPath(request.target), rawQuery(request.target), host);
  }

  /** The pages of a path without query: one for each host. */
  ofPath(path: string, host?: string): PageAddress[] {
    const hosts = host === undefined ? this.options.hosts : [host];
    return (hosts ?? [undefined]).map((one) => this.address(path, '', this.options.hosts && one));
  }

  /** The path and query of a stored key, and its host; `undefined` when the key is not one of this site's. */
  parse(key: string): PageAddress | undefined {
    if (!key.startsWith(this.options.prefix)) return undefined;
    const rest = key.slice(this.options.prefix.length);
    const slash = rest.indexOf('/');
    const host = this.options.hosts && rest.slice(0, slash);
    if (slash < 0 || (host ? !this.options.hosts?.includes(host) : slash > 0)) return undefined;
    const target = rest.slice(slash);
    return { key, path: rawPath(target), target, host };
  }

  private address(path: string, query: string, host: string | undefined): PageAddress {
    const target = `${path}${this.keptQuery(query)}`;
    return { key: `${this.options.prefix}${host ?? ''}${target}`, path, target, host };
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

/** Whether memcached takes the key, and nginx may therefore ask for it. */
export function isKeyTooLong(key: string): boolean {
  return memcachedKey(key).length > MEMCACHED_KEY_MAX_LENGTH;
}

/**
 * The same as a pattern of keys that are short enough, for nginx. Escaping adds two bytes for each `%`: a key with at most n
 * of them may have `limit - 2n` bytes. (Bytes up to 0x20 never get as far as a key.)
 */
export function shortKeySources(limit = MEMCACHED_KEY_MAX_LENGTH): string[] {
  const sources = [`^[^%]{1,${limit}}$`];
  for (let n = 1; 3 * n <= limit; n += 1) {
    sources.push(`^(?=[^%]*(?:%[^%]*){1,${n}}$).{1,${limit - 2 * n}}$`);
  }
  return sources;
}
