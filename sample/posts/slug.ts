/** Lower-case ASCII words joined by hyphens: the same bytes in an address bar, in nginx and in a cache key. */
export function slugOf(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9\s-]/g, '')
    .trim()
    .replace(/[\s-]+/g, '-');
}
