import { gunzipSync } from 'node:zlib';
import type { Page } from '../page/page.js';
import { PageKeys } from '../page/page-key.js';
import { targetPath } from '../purging/purge-target.js';
import { PageStorage } from '../stores/page-storage.js';
import type { Site } from './site.js';

/** A stored page and the string under which nginx finds it. */
export interface StoredPage {
  readonly key: string;
  readonly page: Page;
}

/**
 * The stored pages of an address: in every variant, and on every host unless the target names one.
 *
 * @param target a path with its query, or a URL
 * @throws {TypeError} when it is neither
 */
export async function storedPagesAt(site: Site, target: string): Promise<StoredPage[]> {
  const [meant] = targetPath(target, site.options.hosts);
  if (!meant) return [];
  const storage = site.get(PageStorage);
  const found: StoredPage[] = [];
  for (const { key } of site.get(PageKeys).ofPath(meant.path, meant.host, meant.query)) {
    const page = await storage.lookUp(key);
    if (page) found.push({ key: storage.serverKey(key), page });
  }
  return found;
}

/** The content, unpacked. */
export function unpacked({ body, contentEncoding }: Page): Buffer {
  return contentEncoding === 'gzip' ? gunzipSync(body) : body;
}
