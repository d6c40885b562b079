import type { EntityMetadata, RelationMetadata } from 'typeorm';
import type { ChangedRow, ChangedRows } from './changed-rows.js';
import type { Read } from './committed-state.js';
import { referenceOf } from './row-reference.js';
import type { StoredEntities } from './stored-entities.js';
import type { WatchedEntities } from './watched-entities.js';

/** How far rows that refer to other rows are followed. Beyond that, the tag of the class is purged. */
const MAX_DEPTH = 20;

/**
 * The rows that the database itself deletes, or removes a reference from, when a row is deleted. TypeORM does not report them, so they are
 * looked for while they are still there.
 */
export class Cascades {
  constructor(
    private readonly entities: WatchedEntities,
    private readonly stored: StoredEntities,
  ) {}

  /**
   * Adds the rows that the database deletes together with these.
   *
   * @throws what `read` throws; everything that was added by then is right
   */
  async follow(read: Read, rows: ChangedRows, isReadable: (row: ChangedRow) => boolean): Promise<void> {
    let gone = [...rows.rows()].filter((row) => row.isGone && !row.isFollowed && isReadable(row));
    for (let depth = 0; gone.length > 0; depth += 1) {
      const next: ChangedRow[] = [];
      const classes = new Set(gone.map(({ metadata }) => metadata));
      for (const metadata of classes) {
        const some = gone.filter((row) => row.metadata === metadata);
        if (depth >= MAX_DEPTH) rows.addStale({ tags: this.tags(metadata) });
        else next.push(...(await this.along(read, rows, metadata, some, depth > 0)));
        for (const row of some) row.isFollowed = true;
      }
      gone = next.filter(({ isFollowed }) => !isFollowed);
    }
  }

  /** What to purge when it is not known which rows of a class have gone. */
  tags(metadata: EntityMetadata, seen = new Set([metadata])): string[] {
    return this.entities.cascades(metadata, true).flatMap((relation) => {
      const { entityMetadata } = relation;
      const own = this.entities.has(entityMetadata) ? this.entities.tagsOf(entityMetadata) : [];
      if (!isDeletedAlong(relation) || seen.has(entityMetadata)) return own;
      return [
        ...own,
        ...this.entities.otherEnds(entityMetadata),
        ...this.tags(entityMetadata, seen.add(entityMetadata)),
      ];
    });
  }

  /** @returns the rows that are deleted as well */
  private async along(
    read: Read,
    rows: ChangedRows,
    metadata: EntityMetadata,
    gone: readonly ChangedRow[],
    isByDatabase: boolean,
  ): Promise<ChangedRow[]> {
    const deleted: ChangedRow[] = [];
    for (const relation of this.entities.cascades(metadata, isByDatabase)) {
      const { entityMetadata } = relation;
      const isDeleted = isDeletedAlong(relation);
      for (const entity of await read((runner) => this.stored.referring(runner, relation, gone))) {
        const reference = referenceOf(entityMetadata.findInheritanceMetadata(entity), entity);
        if (!reference) continue;
        const row = rows.add({ ...reference, metadata: entityMetadata }, 'linked');
        if (!isDeleted) continue;
        row.isGone ??= true;
        deleted.push(row);
      }
      // In this transaction, such a row may have been given to one of the rows that are gone.
      if (isDeleted) deleted.push(...rows.rowsOf(entityMetadata).values());
    }
    if (isByDatabase) await this.unlink(read, rows, metadata, gone);
    return deleted;
  }

  /** Adds the other ends of the many-to-many relations of rows that the database deletes. */
  private async unlink(
    read: Read,
    rows: ChangedRows,
    metadata: EntityMetadata,
    gone: readonly ChangedRow[],
  ): Promise<void> {
    for (const relation of metadata.manyToManyRelations) {
      const { inverseEntityMetadata } = relation;
      if (!this.entities.has(inverseEntityMetadata)) continue;
      const tree = relation.propertyPath.split('.').reduceRight((branch, name) => ({ [name]: branch }), {});
      for (const entity of await read((runner) => this.stored.of(runner, metadata, gone, tree))) {
        for (const other of (relation.getEntityValue(entity) ?? []) as object[]) {
          const reference = referenceOf(inverseEntityMetadata, other);
          if (reference) rows.add(reference, 'linked');
        }
      }
    }
  }
}

/** In a many-to-many relation, the row of the junction is deleted, and no entity. */
function isDeletedAlong({ onDelete, isManyToMany }: RelationMetadata): boolean {
  return onDelete === 'CASCADE' && !isManyToMany;
}
