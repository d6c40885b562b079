import type { Schema } from 'mongoose';
import type { StalePages } from './stale-pages.js';

/** `schema.plugin(purgePages, { stale, tag: 'post' })`, for a schema with the method `dependentPaths()`. */
export function purgePages(schema: Schema, { stale, tag }: { stale: StalePages; tag: string }): void {
  // Since it was loaded: its slug may change before it is saved, and change back when a transaction fails.
  const shown = new WeakMap<object, Set<string>>();
  const remember = (document: object): string[] => {
    const paths = new Set([...(shown.get(document) ?? []), ...pathsOf(document)]);
    shown.set(document, paths);
    return [...paths];
  };
  const byTag = () => stale.add([], [tag]);

  schema.post('init', (document) => {
    remember(document);
  });
  schema.post('save', async (document) => {
    await stale.add(remember(document));
  });
  schema.post('deleteOne', { document: true, query: false }, async (document) => {
    await stale.add(remember(document));
  });
  schema.post('insertMany', async (documents: unknown) => {
    await stale.add([documents].flat().flatMap(pathsOf), [tag]);
  });
  // The old document or the new one, as the caller wants it: the tag takes the pages of the other.
  schema.post(['findOneAndUpdate', 'findOneAndReplace', 'findOneAndDelete'], async (document: unknown) => {
    await stale.add(pathsOf(document), [tag]);
  });
  // Mongoose does not tell which documents these write.
  schema.post(['updateMany', 'deleteMany', 'replaceOne'], byTag);
  schema.post(['updateOne', 'deleteOne'], { query: true, document: false }, byTag);
  schema.post('bulkWrite', byTag);
  // Before the query: a list that is empty shows this class, too.
  schema.pre(['find', 'findOne', 'countDocuments'], () => stale.tag(tag));
}

function pathsOf(document: unknown): string[] {
  return (document as { dependentPaths?(): string[] } | null)?.dependentPaths?.() ?? [];
}
