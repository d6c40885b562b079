import type { EntityMetadata } from 'typeorm';
import type { Cascades } from './cascades.js';
import type { ChangedRow, ChangedRows, Stale } from './changed-rows.js';
import type { Read } from './committed-state.js';
import { type EntityPaths, hasPaths } from './entity-paths.js';
import { hasEndedTransaction } from './own-rollback.js';
import type { StoredEntities } from './stored-entities.js';
import type { WatchedEntities } from './watched-entities.js';

/** Finds the paths of changed rows before and after the change. For rows that cannot be read, the tag of the class is purged. */
export class RowStates {
  constructor(
    private readonly entities: WatchedEntities,
    private readonly stored: StoredEntities,
    private readonly cascades: Cascades,
    private readonly paths: EntityPaths,
    private readonly report: (error: unknown) => void,
  ) {}

  /**
   * Adds the paths from before the change, including those of rows that are deleted along.
   *
   * @param isReadable which rows still show the state from before
   * @throws when the read has made the database give up the transaction: then the write must not go on
   */
  async addOld(
    rows: ChangedRows,
    read: Read,
    signal: AbortSignal,
    isReadable: (row: ChangedRow) => boolean,
  ): Promise<void> {
    await this.attempt(signal, () => this.cascades.follow(read, rows, isReadable));
    const unread = [...rows.rows()].filter((row) => !row.isOldRead && row.origin !== 'new' && isReadable(row));
    for (const [metadata, some] of this.byClass(unread)) {
      await this.attempt(signal, async () => {
        const stale = await this.pathsOf(metadata, some, read, ({ origin }) => origin !== 'unknown');
        signal.throwIfAborted();
        rows.addStale(stale);
        for (const row of some) row.isOldRead = true;
      });
    }
  }

  /** @returns the paths of the rows that are still there */
  async current(rows: ChangedRows, read: Read, signal: AbortSignal): Promise<Stale> {
    const paths = new Set<string>();
    const tags = new Set<string>();
    const there = [...rows.rows()].filter(({ isGone }) => !isGone);
    for (const [metadata, some] of this.byClass(there)) {
      const stale = await this.attempt(signal, () => this.pathsOf(metadata, some, read, () => true));
      for (const path of stale?.paths ?? []) paths.add(path);
      for (const tag of stale ? stale.tags : this.entities.tagsOf(metadata)) tags.add(tag);
    }
    return { paths, tags };
  }

  /** The tags that stand for paths that were not read before the change. */
  unreadTags(rows: ChangedRows): string[] {
    return [...rows.rows()].flatMap(({ metadata, origin, isOldRead, isGone, isFollowed }) => {
      const along = isGone && !isFollowed ? this.cascades.tags(metadata) : [];
      return !isOldRead && origin !== 'new' ? [...this.tagsOf(metadata), ...along] : along;
    });
  }

  /** The tags that stand for all rows. */
  allTags(rows: ChangedRows): string[] {
    return [...rows.rows()].flatMap(({ metadata }) => this.tagsOf(metadata));
  }

  private tagsOf(metadata: EntityMetadata): string[] {
    return this.entities.has(metadata) ? this.entities.tagsOf(metadata) : [];
  }

  private async pathsOf(
    metadata: EntityMetadata,
    rows: readonly ChangedRow[],
    read: Read,
    mustExist: (row: ChangedRow) => boolean,
  ): Promise<Stale> {
    const tags = this.entities.tagsOf(metadata);
    if (!hasPaths(metadata)) return { paths: [], tags };
    const { paths, found, isComplete } = await this.paths.of(metadata, (relations) =>
      read((runner) => this.stored.of(runner, metadata, rows, relations)),
    );
    // Somebody else has deleted a row meanwhile, or we may not see it (row-level security).
    const isMissing = found < rows.filter(mustExist).length;
    return { paths, tags: isMissing || !isComplete ? tags : [] };
  }

  private byClass(rows: readonly ChangedRow[]): Map<EntityMetadata, ChangedRow[]> {
    const classes = new Map<EntityMetadata, ChangedRow[]>();
    for (const row of rows) {
      if (!this.entities.has(row.metadata)) continue;
      const same = classes.get(row.metadata);
      if (same) same.push(row);
      else classes.set(row.metadata, [row]);
    }
    return classes;
  }

  private async attempt<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (hasEndedTransaction(error)) throw error;
      if (!signal.aborted) this.report(error);
      return undefined;
    }
  }
}
