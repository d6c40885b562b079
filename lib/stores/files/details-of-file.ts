import { lstat, readFile } from 'node:fs/promises';
import { PAGE_BODY } from '../../page/page-file.js';
import type { PageDetails } from '../page-details.js';
import { unless, GONE } from './file-store.error.js';
import { CODINGS, linkOf, type PageDirectories, TAGS } from './page-directories.js';
import { isCopyOnly, type PageVersion, writtenAt } from './page-version.js';

/**
 * Reads the details of the page in a directory.
 *
 * @param knowsReads whether the file system notes when a file is read
 * @returns `undefined` when the directory has no page that nginx can serve
 */
export async function detailsOfFile(
  pages: PageDirectories,
  page: string,
  knowsReads: boolean,
): Promise<PageDetails | undefined> {
  for (const version of (await pages.content(page)).versions) {
    if (isCopyOnly(version) || (await pages.current(page, linkOf(version))) !== version.name) continue;
    const now = Date.now();
    const [size, tags, isRead] = await Promise.all([
      sizeOf(pages, page, version),
      version.tagged ? tagsIn(pages.path(page, version.name, TAGS)) : [],
      knowsReads ? pages.isRead(page, version) : undefined,
    ]);
    return {
      ttl: version.ttl === 0 ? 0 : Math.max(1, version.expires - now),
      age: Math.max(0, now - writtenAt(version)),
      size,
      tags,
      isRead,
    };
  }
  return undefined;
}

async function sizeOf(pages: PageDirectories, page: string, { name }: PageVersion): Promise<number> {
  const forms = CODINGS.map((coding) => unless(GONE, undefined, lstat(pages.path(page, name, PAGE_BODY + coding))));
  return (await Promise.all(forms)).reduce((sum, form) => sum + (form?.size ?? 0), 0);
}

async function tagsIn(file: string): Promise<string[] | undefined> {
  const text = await unless(GONE, undefined, readFile(file, 'utf8'));
  return text === undefined ? undefined : (JSON.parse(text) as string[]);
}
