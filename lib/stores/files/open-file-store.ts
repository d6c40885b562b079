import { join } from 'node:path';
import { pageFile, siteDirectory } from '../../page/page-file.js';
import type { Page } from '../../page/page.js';
import { beginCheck, type PurgeCheck } from '../journal/purge-check.js';
import type { PageStore, StoreContext } from '../page-store.js';
import { CheckedWrite, type CommitResult } from '../page-write.js';
import { rawKeyv } from '../raw-keyv.js';
import type { StaleTimes } from '../../page/stale-times.js';
import type { LeaseAnswer } from '../render-lease.js';
import { FileJournal } from './file-journal.js';
import { FileLeases } from './file-leases.js';
import type { FileStoreOptions } from './file-store-options.js';
import { PagesInFiles } from './pages-in-files.js';

export function openFileStore(options: Required<FileStoreOptions>, context: StoreContext): PageStore {
  const site = join(options.root, siteDirectory(context.prefix));
  const leases = new FileLeases(site);
  const pages = new PagesInFiles(site, options, context, (now) => leases.tidy(now));
  const journal = new FileJournal(join(site, 'journal'), context.edition);
  return {
    keyv: rawKeyv({
      get: async (key) => {
        const value = await pages.get(key);
        return value && { value };
      },
      deleteMany: (keys) => pages.delete(keys),
      keys: () => pages.keys(context.prefix),
      disconnect: async () => {
        await leases.close();
        await pages.close();
        journal.close();
      },
    }),
    journal,
    begin: async (address, begun) => {
      const check = await beginCheck(journal, address, begun);
      // A process that may not store the page takes no lease: nobody should wait for it.
      const leads = begun.leads && !journal.editions.refusal;
      return new FileWrite(check, address.key, pages, leads ? leases.take(address.key, undefined) : undefined);
    },
    lease: async (key, silent) => leases.take(key, silent),
    releaseLeases: () => leases.close(),
    // A page that could not be stored is not there.
    forgets: true,
    deletePages: (keys) => pages.delete(keys),
    has: (key) => pages.has(key),
    copy: (key) => pages.copy(key),
    deleteUnder: (path) => pages.deleteUnder(path),
    keys: (prefix) => pages.keys(prefix),
    keysToPurge: (prefix) => pages.keysToPurge(prefix),
    uses: (before) => pages.uses(before),
    tagged: (tags) => pages.tagged(new Set(tags)),
    details: (keys) => pages.details(keys),
    serverKey: (key) => pageFile(key, context.prefix) ?? key,
  };
}

class FileWrite extends CheckedWrite {
  constructor(
    check: PurgeCheck,
    private readonly key: string,
    private readonly pages: PagesInFiles,
    readonly lease: LeaseAnswer | undefined,
  ) {
    super(check, pages.isInPlace(key));
  }

  protected store(
    page: Page,
    tags: ReadonlySet<string>,
    ttl: number,
    stale: StaleTimes | undefined,
  ): Promise<CommitResult> {
    return this.pages.store({ key: this.key, page, tags, ttl, stale }, this.check);
  }
}
