import { describe, expect, it } from 'vitest';
import { memcachedStore, memoryStore, type NginxCacheOptions } from '../../lib/index.js';
import { checkOptions } from '../../lib/configuration/check-options.js';

const store = memcachedStore({ servers: '127.0.0.1:11211' });

describe('nginx.flavour', () => {
  it.each([
    [{ store }, 'memcached', 'body'],
    [{ store, nginx: { flavour: 'memcached' } }, 'memcached', 'body'],
    [{ store, nginx: { flavour: 'srcache' } }, 'srcache', 'response'],
    [{ store, nginx: { flavour: 'njs' } }, 'njs', 'response'],
    [{ store: memoryStore() }, undefined, 'body'],
  ] as [NginxCacheOptions, string | undefined, string][])('of %o decides the format', (options, flavour, format) => {
    const checked = checkOptions(options);
    expect(checked.flavour).toBe(flavour);
    expect(checked.storeContext.format.name).toBe(format);
  });

  it.each([
    [{ store: memoryStore(), nginx: { flavour: 'njs' } }, /^nginx\.flavour: 'njs' .* left out with memoryStore\(\)/],
    [{ store, nginx: { flavour: 'files' } }, /^nginx\.flavour: 'files' .* "memcached" or "srcache" or "njs" with memc/],
    [{ store, nginx: { flavour: 'varnish' } }, /^nginx\.flavour: 'varnish' .*"srcache"/],
    [{ store, statuses: [200, 404] }, /^statuses: \[ 200, 404 \] .* \[200\]: the memcached flavour stores no status/],
    [
      { store, nginx: { flavour: 'njs' }, statuses: [200, 429] },
      /^statuses: .* a list of 200, 201, 202, 203, 207, .*: others have no content/,
    ],
  ] as [NginxCacheOptions, RegExp][])('refuses %o in one sentence', (options, message) => {
    expect(() => checkOptions(options)).toThrow(message);
  });

  it('serves other statuses with whole responses', () => {
    const statuses = [404, 410, 301, 308];
    expect(checkOptions({ store, nginx: { flavour: 'srcache' }, statuses }).statuses).toEqual(new Set(statuses));
  });
});
