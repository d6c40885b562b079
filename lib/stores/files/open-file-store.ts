import { join } from 'node:path';
import { pageFile, siteDirectory } from '../../page/page-file.js';
import type { PageStore, StoreContext } from '../page-store.js';
import { rawKeyv } from '../raw-keyv.js';
import { FileJournal } from './file-journal.js';
import type { FileStoreOptions } from './file-store-options.js';
import { PagesInFiles } from './pages-in-files.js';

export function openFileStore(options: Required<FileStoreOptions>, context: StoreContext): PageStore {
  const site = join(options.root, siteDirectory(context.prefix));
  const pages = new PagesInFiles(site, options, context);
  return {
    keyv: rawKeyv({
      get: async (key) => {
        const value = await pages.get(key);
        return value && { value };
      },
      set: (key, { value, expires }) => pages.set(key, value, expires),
      deleteMany: (keys) => pages.delete(keys),
      clear: async () => {
        const keys: string[] = [];
        for await (const key of pages.keys(context.prefix)) keys.push(key);
        await pages.delete(keys);
      },
      disconnect: () => pages.close(),
    }),
    deletePages: (keys) => pages.delete(keys),
    deleteUnder: (path) => pages.deleteUnder(path),
    keys: (prefix) => pages.keys(prefix),
    tagged: (tags) => pages.tagged(new Set(tags)),
    versions: {
      of: (key) => pages.version(key),
      replace: (key, page, ttl, version) => pages.replace(key, page, Date.now() + ttl, version),
      confirm: (key, _, ttl, version) => pages.confirm(key, ttl === 0 ? undefined : Date.now() + ttl, version),
      withdraw: (key, version) => pages.withdraw(key, version),
    },
    journal: new FileJournal(site),
    serverKey: (key) => pageFile(key, context.prefix) ?? key,
  };
}
