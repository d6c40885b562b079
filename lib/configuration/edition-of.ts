import type { CheckedOptions } from '../options/checked-options.js';
import type { Edition } from '../stores/journal/edition.js';
import { serverList } from '../stores/server-list.js';
import { digest } from './digest.js';

/**
 * The edition whose pages this process stores. Besides what nginx must know, its configuration has what lets a response become a page
 * although it looks private or incomplete: when one of these declarations is taken back, the pages that it has let in must go.
 *
 * @param fingerprint from `fingerprintOf()`, without the servers: a change of the list moves pages, but does not change them
 */
export function editionOf(options: CheckedOptions, fingerprint: string): Edition {
  const { requestFields, excuseVary, excuseHeaders, excuseCookies, harmlessGuards, stale, version, store } = options;
  const declared = [
    requestFields,
    excuseVary,
    excuseHeaders,
    excuseCookies.map(String),
    Array.from(harmlessGuards, ({ name }) => name),
    // Copies that no process looks for any more must not come back together with the option.
    ...(stale ? [stale.whileRevalidate > 0, stale.ifError > 0] : []),
  ];
  return {
    configuration: digest(JSON.stringify([fingerprint, ...declared])),
    version: digest(JSON.stringify(version ?? null)),
    ...(store.servers && { servers: serverList(store.servers) }),
  };
}
