import { NginxCacheConfigError } from '../../checks/nginx-cache-config.error.js';
import type { NginxCacheOptions } from '../../options/nginx-cache-options.js';
import type { PageStoreDefinition } from '../../stores/page-store.js';
import { filesFlavour } from './files.flavour.js';
import type { Flavour } from './flavour.js';
import { memcachedFlavour } from './memcached.flavour.js';
import { njsFlavour } from './njs.flavour.js';
import { srcacheFlavour } from './srcache.flavour.js';

/** Of the flavours that read the same store, the first is the default. */
export const FLAVOURS: readonly Flavour[] = [memcachedFlavour, srcacheFlavour, njsFlavour, filesFlavour];

/**
 * How nginx reads the store.
 *
 * @returns `undefined` when it does not
 * @throws {NginxCacheConfigError} when the flavour cannot read the store, or cannot serve one of the statuses
 */
export function flavourFor(store: PageStoreDefinition, options: NginxCacheOptions): Flavour | undefined {
  const possible = FLAVOURS.filter((flavour) => flavour.store === store.kind);
  const wanted = options.nginx?.flavour ?? possible[0]?.name;
  if (!wanted) return undefined;
  const flavour = possible.find(({ name }) => name === wanted);
  if (!flavour) {
    const others = possible.map(({ name }) => JSON.stringify(name)).join(' or ');
    throw new NginxCacheConfigError(
      'nginx.flavour',
      wanted,
      others
        ? `${others} with ${store.kind}Store(), or another store`
        : `left out with ${store.kind}Store(), which nginx cannot read`,
    );
  }
  const { statuses, because } = flavour;
  if (options.statuses?.some((status) => !statuses.includes(status))) {
    throw new NginxCacheConfigError('statuses', options.statuses, `${list(statuses)}: ${because}`);
  }
  return flavour;
}

function list(statuses: readonly number[]): string {
  return statuses.length === 1 ? `[${statuses.join()}]` : `a list of ${statuses.join(', ')}`;
}
