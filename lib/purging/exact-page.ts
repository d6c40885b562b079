import { inspect } from 'node:util';
import type { CheckedOptions } from '../options/checked-options.js';
import { allowedParameters, queryRule } from '../rules/query.rule.js';
import { compile } from '../rules/rule.js';
import { targetPath } from './purge-target.js';

/** One address of a page, with one query. */
export interface ExactPage {
  readonly path: string;
  /** `undefined` means every host of the site. */
  readonly host: string | undefined;
  readonly query: string;
}

/**
 * The page at an address.
 *
 * @param target a path with its query, or a URL
 * @throws {TypeError} when it is neither, or when no page can have such a query
 */
export function exactPage(target: string | URL, { hosts, query }: Pick<CheckedOptions, 'hosts' | 'query'>): ExactPage {
  const [page] = targetPath(target, hosts);
  const bypasses = compile(queryRule(allowedParameters(query.allow), []));
  if (page && !bypasses({ method: 'GET', target: `/?${page.query}`, headers: {} })) return page;
  throw new TypeError(
    `${inspect(target, { depth: 0 })} cannot be the address of a page: a query may contain parameters of query.allow ` +
      `(${query.allow.join(', ') || 'there are none'}), each once and encoded as browsers do`,
  );
}
