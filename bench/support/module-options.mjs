import { fileStore, memcachedStore, memoryStore } from '../../dist/index.js';

/**
 * The options of the module: the application and the generated nginx configuration get the same.
 *
 * @param {{ flavour?: string, servers?: string, root?: string, nginx?: object }} where
 */
export function optionsFor({ flavour, servers, root, more = {} }) {
  return {
    hosts: 'any',
    ttl: 3_600_000,
    store: servers
      ? memcachedStore({ servers })
      : root
        ? fileStore({ root, maxBytes: 8e9 })
        : memoryStore({ maxBytes: 1e9 }),
    ...(flavour && { nginx: { flavour } }),
    ...more,
  };
}
