import { InvalidArgumentError } from 'commander';
import type { CheckedOptions } from '../options/checked-options.js';

/** An argument that is an address of the running site. */
export function urlArgument(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new InvalidArgumentError('It must be a URL: http://127.0.0.1:8080/posts/1.');
}

/** The name of the site, if the URL reaches nginx by its address. */
export function hostFor({ hostname }: URL, { hosts }: CheckedOptions): string | undefined {
  return hosts?.includes(hostname) === false ? hosts[0] : undefined;
}
