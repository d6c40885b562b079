/** Ends the name of the file beside a page that holds its tags; no request leads to it. */
export const TAGS = '.tags';

/** Within its second, the date of a page without tags lies in the second quarter, that of one with tags in the second half. */
const [UNTAGGED, TAGGED] = [0.25, 0.5];
const NANOSECONDS = 1_000_000_000;

/**
 * A page and the file with its tags come and go one after the other, and a process may be killed between. So the date of the page
 * says whether there are tags, and the file of which version they are: where both do not agree, the tags are not known.
 *
 * The rest of the fraction tells versions apart; nginx does not see it.
 *
 * @param modified Unix time in whole seconds
 */
export function dated(modified: number, tags: readonly string[]): number {
  return modified + (tags.length > 0 ? TAGGED + Math.random() * 0.499 : UNTAGGED + Math.random() * 0.249);
}

/** A file system that keeps whole seconds tells nothing. */
export function hasNoTags(mtimeNs: bigint): boolean {
  const fraction = Number(mtimeNs % BigInt(NANOSECONDS)) / NANOSECONDS;
  return fraction >= UNTAGGED && fraction < TAGGED;
}

export function encodeTags(version: string, tags: readonly string[]): string {
  return JSON.stringify({ version, tags });
}

/** Whether the tags of a version have one of the wanted among them, or are not known. */
export function isTaggedWith(bytes: Buffer | undefined, version: string, wanted: ReadonlySet<string>): boolean {
  try {
    const known = JSON.parse(String(bytes)) as { version: string; tags: string[] };
    return known.version !== version || known.tags.some((tag) => wanted.has(tag));
  } catch {
    return true;
  }
}
