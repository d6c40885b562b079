import { constants, existsSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { COPY_BODY, PAGE_BODY, PAGE_FILE_MARK, PAGE_LINKS, SITE_DIRECTORIES } from '../../page/page-file.js';
import { GONE, unless } from './file-store.error.js';
import { isCopyOnly, type PageVersion, parseVersion } from './page-version.js';

/** In the directory of a version: its tags, as a JSON list. */
export const TAGS = 'tags';
/** In the directory of a version that is being written: the link that will lead to it, once it is in its place. */
export const DRAFT_LINK = 'link';

/** The codings of a page, as the suffixes that nginx appends to the file name (ngx_http_gzip_static_module, ngx_brotli). */
export const CODINGS = ['', '.gz', '.br'] as const;
export type Coding = (typeof CODINGS)[number];

/** The bytes of a page in each coding. */
export type Contents = ReadonlyMap<Coding, Buffer>;

/** What is in the directory of a page. */
export interface PageContent {
  readonly versions: readonly PageVersion[];
  readonly links: readonly string[];
}

/** A directory below `pages`. */
export interface DirectoryEntry {
  readonly path: string;
  /** Whether it is the directory of a page, and not one on the way to pages. */
  readonly isPage: boolean;
}

/** To compare a page is not to read it: the time of access stays. Only Linux knows the flag, and only the owner of a file may use it. */
const READ_UNNOTICED = constants.O_RDONLY | (constants.O_NOATIME ?? 0);
const NOT_TO_BE_READ = [...GONE, 'EPERM'];

const LINKS: readonly string[] = Object.values(PAGE_LINKS);

/** The link to a version. */
export function linkOf({ ttl }: PageVersion): string {
  return ttl === 0 ? PAGE_LINKS.kept : PAGE_LINKS.expiring;
}

/** The other link, which must not exist beside it. */
export function otherLink({ ttl }: PageVersion): string {
  return ttl === 0 ? PAGE_LINKS.expiring : PAGE_LINKS.kept;
}

/** Finds the pages of a site on the disk. A page is named by its directory, as `pageFile()` gives it. */
export class PageDirectories {
  readonly top: string;

  constructor(site: string) {
    this.top = join(site, SITE_DIRECTORIES.pages);
  }

  path(page: string, ...names: string[]): string {
    return join(this.top, page, ...names);
  }

  /** Every page, including those that are being written. A page that is added or removed meanwhile may be missing. */
  async *list(): AsyncGenerator<string, void, undefined> {
    for await (const { path, isPage } of this.tree()) if (isPage) yield path;
  }

  /** Every page, and every directory on the way to one. A directory comes before its content. */
  async *tree(below = '/'): AsyncGenerator<DirectoryEntry, void, undefined> {
    const entries = await unless(GONE, [], readdir(this.path(below), { withFileTypes: true }));
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const path = join(below, entry.name);
      const isPage = entry.name.endsWith(PAGE_FILE_MARK);
      yield { path, isPage };
      if (!isPage) yield* this.tree(path);
    }
  }

  async content(page: string): Promise<PageContent> {
    return contentOf(this.path(page));
  }

  /** @returns the name of the version that the link leads to; nginx serves it as long as it exists */
  async current(page: string, link: string): Promise<string | undefined> {
    return unless([...GONE, 'EINVAL'], undefined, readlink(this.path(page, link)));
  }

  /** Whether nginx, or anybody else, has read a version. It was written with an access time earlier than any real one. */
  async isRead(page: string, { name }: PageVersion): Promise<boolean> {
    const forms = CODINGS.map((coding) => lstat(this.path(page, name, PAGE_BODY + coding)));
    const found = await Promise.all(forms.map((form) => unless(GONE, undefined, form)));
    return found.some((status) => status !== undefined && status.atimeMs > 0);
  }

  isInPlace(page: string): boolean {
    return LINKS.some((link) => existsSync(this.path(page, link, PAGE_BODY)));
  }

  /** The version that nginx serves, if it has these forms, byte for byte. */
  async sameVersion(page: string, contents: Contents): Promise<PageVersion | undefined> {
    const links = await Promise.all(LINKS.map((link) => this.current(page, link)));
    const name = links.find((one) => one !== undefined);
    const version = name === undefined ? undefined : parseVersion(name);
    if (!version) return undefined;
    for (const [coding, bytes] of contents) {
      const reading = readFile(this.path(page, version.name, PAGE_BODY + coding), { flag: READ_UNNOTICED });
      const stored = await unless(NOT_TO_BE_READ, undefined, reading);
      if (!stored?.equals(bytes)) return undefined;
    }
    return version;
  }

  async read(page: string, coding: Coding): Promise<Buffer | undefined> {
    for (const link of LINKS) {
      const bytes = await unless(GONE, undefined, readFile(this.path(page, link, PAGE_BODY + coding)));
      if (bytes) return bytes;
    }
    return undefined;
  }

  /**
   * The version whose copy may exist. This and `readCopy()` are synchronous: while all threads write pages, a copy would come too late for the
   * visitor who needs it.
   */
  copied(page: string): PageVersion | undefined {
    const name = unlessGone(() => readlinkSync(this.path(page, PAGE_LINKS.expiring)));
    const version = name === undefined ? undefined : parseVersion(name);
    return version?.stale && version;
  }

  readCopy(page: string, { name }: PageVersion, coding: Coding): Buffer | undefined {
    return unlessGone(() => readFileSync(this.path(page, name, COPY_BODY + coding)));
  }

  /** Whether any version of the page has one of the tags, or has tags that are unknown. */
  async isTagged(page: string, tags: ReadonlySet<string>): Promise<boolean> {
    for (const { name, tagged } of (await this.content(page)).versions) {
      if (tagged && (await this.hasTag(this.path(page, name), tags))) return true;
    }
    return false;
  }

  private async hasTag(version: string, tags: ReadonlySet<string>): Promise<boolean> {
    try {
      const own = JSON.parse(await readFile(join(version, TAGS), 'utf8')) as string[];
      return own.some((tag) => tags.has(tag));
    } catch {
      // A version that is gone was purged, or replaced by a version that is checked against this purge.
      return (await unless(GONE, undefined, lstat(version))) !== undefined;
    }
  }
}

/** As `unless(GONE, …)`. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (GONE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Whether there is more than copies, drafts, and links to versions that have just been removed. */
export function holdsPage({ versions, links }: PageContent): boolean {
  return links.length > 0 && versions.some((version) => !isCopyOnly(version));
}

/** @param directory of a page */
export async function contentOf(directory: string): Promise<PageContent> {
  const names = await unless(GONE, [], readdir(directory));
  return {
    versions: names.flatMap((name) => parseVersion(name) ?? []),
    links: names.filter((name) => LINKS.includes(name)),
  };
}
