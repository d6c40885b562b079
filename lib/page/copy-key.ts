/** Ends what stands between the prefix and the path of a key; no host, no variant and no form is called so. */
export const COPY_MARK = ';stale';

/**
 * The key of the copy of a page that outlives it: `page:;stale/posts/1` for `page:/posts/1`. No prefix holds a slash, and neither do
 * host, variants and form.
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
