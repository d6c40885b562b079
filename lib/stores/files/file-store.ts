import { isAbsolute, normalize } from 'node:path';
import type { PageStoreDefinition } from '../page-store.js';
import type { FileStoreOptions } from './file-store-options.js';
import { openFileStore } from './open-file-store.js';

/**
 * What `fileStore()` returns; the nginx configuration is made from it.
 *
 * @publicApi
 */
export interface FileStoreDefinition extends PageStoreDefinition {
  readonly kind: 'files';
  readonly files: { readonly root: string; readonly brotli: boolean };
}

/**
 * Pages in files, which nginx serves like any static file: no server besides nginx, and its full speed.
 *
 * @throws TypeError when an option is wrong
 * @example
 * fileStore({ root: '/var/cache/blog' })
 * @see https://nginx.org/en/docs/http/ngx_http_gzip_static_module.html
 * @publicApi
 */
export function fileStore(options: FileStoreOptions): FileStoreDefinition {
  const { root, maxBytes = 1024 ** 3, brotli = false, grace = 60_000 } = options ?? {};
  // Whatever nginx would read as something else in its configuration.
  if (typeof root !== 'string' || !isAbsolute(root) || !/^[\w./@+-]+$/.test(root) || normalize(root) === '/') {
    throw new TypeError(
      `fileStore: root must be an absolute path of A-Z a-z 0-9 . _ @ + - like "/var/cache/blog", got ${JSON.stringify(root)}`,
    );
  }
  mustBeWhole('maxBytes', maxBytes, 1);
  mustBeWhole('grace', grace, 2000);
  return {
    kind: 'files',
    files: { root: normalize(root).replace(/\/$/, ''), brotli },
    limits: ({ maxPageBytes }) =>
      maxPageBytes > maxBytes
        ? [`fileStore: a page of maxPageBytes (${maxPageBytes}) does not fit into maxBytes (${maxBytes})`]
        : [],
    open: (context) => openFileStore({ root, maxBytes, brotli, grace }, context),
  };
}

function mustBeWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new TypeError(`fileStore: ${name} must be a whole number from ${least}, got ${String(value)}`);
}
