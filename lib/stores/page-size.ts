import type { Page } from '../page/page.js';

/** What a page takes in memory: body, header fields and key, in bytes. */
export function sizeOf(key: string, { body, headers }: Page): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length, key.length + body.length);
}
