import type { EntityMetadata } from 'typeorm';
import { keyOf, type RowReference } from './row-reference.js';

/**
 * What is known about a row before the transaction: it was there (`stored`), it was not (`new`), nobody knows (`unknown`), or only its
 * relations have changed (`linked`). In the last case, it was there, unless another change of the row says something else.
 */
type Origin = 'linked' | 'unknown' | 'new' | 'stored';

const STRENGTH = { linked: 0, unknown: 1, new: 2, stored: 2 } satisfies Record<Origin, number>;

/** A row that a transaction has changed. */
export interface ChangedRow extends RowReference {
  origin: Origin;
  /** `undefined` while only its relations have changed. */
  isGone: boolean | undefined;
  /** Whether its paths from before the transaction are known. */
  isOldRead: boolean;
  /** Whether it is known what the database deletes along with it. */
  isFollowed: boolean;
  /** Whether the connection that writes it shows the new state. */
  isWritten: boolean;
}

/** What makes pages stale: their paths, or the tags that they carry. */
export interface Stale {
  readonly paths: Iterable<string>;
  readonly tags: Iterable<string>;
}

/** What one level of a transaction has changed, and what is known to be stale. */
export class ChangedRows implements Stale {
  readonly paths = new Set<string>();
  readonly tags = new Set<string>();
  /** Whether the changes that are added now have already been written. */
  isWritten = false;
  readonly #rows = new Map<EntityMetadata, Map<string, ChangedRow>>();

  /** @param isGone whether the row no longer exists; `undefined` when the change does not tell */
  add(reference: RowReference, origin: Origin, isGone?: boolean): ChangedRow {
    const rows = this.rowsOf(reference.metadata);
    const key = keyOf(reference);
    let row = rows.get(key);
    if (!row) {
      const { metadata, columns, values } = reference;
      row = { metadata, columns, values, origin, isGone, isOldRead: false, isFollowed: false, isWritten: false };
      rows.set(key, row);
    }
    row.isWritten ||= this.isWritten;
    if (STRENGTH[origin] > STRENGTH[row.origin]) row.origin = origin;
    row.isGone = isGone ?? row.isGone;
    return row;
  }

  addStale({ paths = [], tags = [] }: Partial<Stale>): void {
    for (const path of paths) this.paths.add(path);
    for (const tag of tags) this.tags.add(tag);
  }

  /** Adds what happened later: the changes of a savepoint that has been released. */
  merge(later: ChangedRows): void {
    this.addStale(later);
    for (const row of later.rows()) {
      const own = this.add(row, row.origin, row.isGone);
      own.isOldRead ||= row.isOldRead;
      own.isFollowed ||= row.isFollowed;
      own.isWritten ||= row.isWritten;
    }
  }

  *rows(): Generator<ChangedRow, void, undefined> {
    for (const rows of this.#rows.values()) yield* rows.values();
  }

  rowsOf(metadata: EntityMetadata): Map<string, ChangedRow> {
    let rows = this.#rows.get(metadata);
    if (!rows) this.#rows.set(metadata, (rows = new Map()));
    return rows;
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.paths.size === 0 && this.tags.size === 0;
  }
}
