/** Marks the key of a copy, before the path. No host, no variant and no form has this name. */
export const COPY_MARK = ';stale';

/**
 * The key of the copy of a page that outlives it: `page:;stale/posts/1` for `page:/posts/1`. The prefix, the host, the variants and the form
 * contain no slash.
 */
export function copyKey(key: string): string {
  return key.replace('/', `${COPY_MARK}/`);
}

/**
 * The key of the page whose copy has this key.
 *
 * @returns `undefined` when it is not the key of a copy
 */
export function pageKeyOfCopy(key: string): string | undefined {
  const slash = key.indexOf('/');
  return slash >= 0 && key.slice(0, slash).endsWith(COPY_MARK)
    ? key.slice(0, slash - COPY_MARK.length) + key.slice(slash)
    : undefined;
}
