/** How long a journal may become: every miss reads it. In bytes. */
export const JOURNAL_MAX_BYTES = 16_384;

const MAX_LENGTH = 4096;

/** An entry as it is written down: one that is too long becomes "everything". */
export function journalEntry(entry: string): string {
  return entry.length > MAX_LENGTH ? '{"kind":"all"}' : entry;
}
