/** Keeps a collection to a size: the entries that were added first go first. */
export function dropOldest<T>(kept: Map<T, unknown> | Set<T>, most: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break;
    kept.delete(oldest);
  }
}
