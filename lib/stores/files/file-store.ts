import { isAbsolute, normalize } from 'node:path';
import * as v from 'valibot';
import { checked, FLAG, strict, wholeNumber } from '../../checks/checked.js';
import type { PageStoreDefinition } from '../page-store.js';
import type { FileStoreOptions } from './file-store-options.js';
import { openFileStore } from './open-file-store.js';

/**
 * The result of `fileStore()`; `nginxConf()` writes the configuration from it.
 *
 * @publicApi
 */
export interface FileStoreDefinition extends PageStoreDefinition {
  /** The kind of store. */
  readonly kind: 'files';
  /** The directory of the pages, and whether they are also stored with brotli. */
  readonly files: { readonly root: string; readonly brotli: boolean };
}

const ROOT = 'an absolute path of A-Z a-z 0-9 . _ @ + - like "/var/cache/blog"';

const optionsSchema = strict({
  root: v.pipe(
    v.string(ROOT),
    // Excludes characters that have a meaning in an nginx configuration.
    v.check((root) => isAbsolute(root) && /^[\w./@+-]+$/.test(root) && normalize(root) !== '/', ROOT),
  ),
  maxBytes: v.optional(wholeNumber('bytes', 1)),
  brotli: v.optional(FLAG),
  grace: v.optional(wholeNumber('milliseconds', 2000)),
});

/**
 * Stores pages in files. nginx serves them like any static file: at full speed, and without another server.
 *
 * @param options where the files are, and how much space they may take
 * @returns the store, for the option `store`
 * @throws {NginxCacheConfigError} when an option is wrong
 * @example
 * fileStore({ root: '/var/cache/blog' })
 * @see https://nginx.org/en/docs/http/ngx_http_gzip_static_module.html
 *
 * @publicApi
 */
export function fileStore(options: FileStoreOptions): FileStoreDefinition {
  const {
    root,
    maxBytes = 1024 ** 3,
    brotli = false,
    grace = 60_000,
  } = checked(optionsSchema, options, { of: 'fileStore' });
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
