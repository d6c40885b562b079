import type { CheckedOptions } from '../options/checked-options.js';

/** Where to ask the site, and by which name. */
export interface Question {
  readonly url: URL;
  readonly host: string;
}

/**
 * What somebody wants to know about an address. Only the site is asked, whatever the address is: the address gives the name and the path.
 *
 * @param target a path, or a URL
 * @param origin where the site is
 * @throws {TypeError} when the target is not an address of the site
 */
export function questionOf(
  target: string,
  origin: string | undefined,
  { hosts }: Pick<CheckedOptions, 'hosts'>,
): Question {
  if (origin === undefined) throw new TypeError('The site cannot be asked: say where it is.');
  const site = new URL(origin);
  if (target.startsWith('/')) {
    const host = hosts?.includes(site.hostname) === false ? (hosts[0] ?? site.host) : site.host;
    return { url: new URL(site.origin + target), host };
  }
  const given = URL.canParse(target) ? new URL(target) : undefined;
  if (given?.protocol !== 'http:' && given?.protocol !== 'https:') {
    throw new TypeError(`${target} is not an address: give a path like /posts/1, or a URL.`);
  }
  return { url: new URL(site.origin + given.pathname + given.search), host: given.host };
}
