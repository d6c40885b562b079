import type {
  EntityMetadata,
  EntitySubscriberInterface,
  InsertEvent,
  LoadEvent,
  ObjectLiteral,
  QueryRunner,
  RecoverEvent,
  RemoveEvent,
  SoftRemoveEvent,
  TransactionCommitEvent,
  TransactionRollbackEvent,
  TransactionStartEvent,
  UpdateEvent,
} from 'typeorm';
import type { Cascades } from './cascades.js';
import type { ChangedRows } from './changed-rows.js';
import type { LoadedTags } from './loaded-tags.js';
import { referenceOf, type RowReference } from './row-reference.js';
import { setsSearchPath } from './search-path.js';
import type { TransactionPurges } from './transaction-purges.js';
import type { WatchedEntities } from './watched-entities.js';

export type Entity = ObjectLiteral;

/** One write, as every event describes it. */
export interface Write {
  readonly queryRunner: QueryRunner;
  readonly metadata: EntityMetadata;
}

/** A change of one row, as the events describe it. */
type Change = Write & { readonly databaseEntity?: unknown; readonly entityId?: unknown };

/** What TypeORM tells after a query. It has no type for this in all versions. */
interface AnsweredQuery {
  readonly queryRunner: QueryRunner;
  readonly query: string;
  readonly success: boolean;
}

/**
 * Listens to TypeORM, and notes which rows have changed. If TypeORM does not tell which row a write changes, the tag of the class is purged.
 *
 * It does not listen to what comes before a write: TypeORM would then compute again what it is about to write, which takes a fifth of the time.
 */
export class EntityChangesSubscriber implements EntitySubscriberInterface<Entity> {
  /** The rows that are being inserted. Afterwards, an entity may have the id of SQLite's last row, which an upsert leaves as it was. */
  protected readonly given = new WeakMap<Entity, RowReference>();

  constructor(
    protected readonly entities: WatchedEntities,
    private readonly cascades: Cascades,
    protected readonly purges: TransactionPurges,
    private readonly tags: LoadedTags,
    private readonly report: (error: unknown) => void,
  ) {}

  afterLoad(entity: Entity, event?: LoadEvent<Entity>): void {
    if (event) this.tags.loaded(entity, event.metadata);
  }

  afterInsert(event: InsertEvent<Entity>): Promise<void> | void {
    const { metadata, entity, entityId } = event;
    if (!metadata.isJunction && !this.entities.has(metadata)) return undefined;
    return this.after(event, (rows) => {
      if (metadata.isJunction) return this.link(rows, metadata, entityId ?? entity);
      // Query builders give no id of their own, and this may have been an upsert of an unknown row.
      const isBulk = entityId === undefined;
      const reference = this.given.get(entity) ?? referenceOf(metadata, entityId ?? entity);
      if (isBulk || !reference) this.addTags(rows, metadata, entity);
      if (reference) rows.add(reference, isBulk ? 'unknown' : 'new', false);
    });
  }

  afterUpdate(event: UpdateEvent<Entity>): Promise<void> | void {
    const { metadata, entity, databaseEntity, updatedColumns, updatedRelations } = event;
    const columns = [...updatedColumns, ...updatedRelations.flatMap(({ joinColumns }) => joinColumns)];
    const along = this.entities.followers(metadata, columns, entity);
    const isCounted = this.isCounted(event);
    if (!isCounted && along.length === 0) return undefined;
    return this.after(event, (rows) => {
      rows.addStale({ tags: along });
      if (!isCounted) return;
      // TypeORM 0.3 and 1 give no row for a bulk write, and the values have the id of a row only if the id is changed.
      const isBulk = !databaseEntity;
      if (isBulk) this.addTags(rows, metadata, entity);
      const reference = referenceOf(metadata, databaseEntity ?? entity);
      if (reference) rows.add(reference, isBulk ? 'unknown' : 'stored', false);
    });
  }

  afterRemove(event: RemoveEvent<Entity>): Promise<void> | void {
    const { metadata } = event;
    return this.after(event, (rows) => {
      if (metadata.isJunction) this.link(rows, metadata, event.entityId as Entity | undefined);
      else if (!this.change(rows, event, true)) {
        if (this.entities.has(metadata)) this.addTags(rows, metadata, {});
        rows.addStale({ tags: this.cascades.tags(metadata) });
      }
    });
  }

  afterSoftRemove(event: SoftRemoveEvent<Entity>): Promise<void> | void {
    return this.hidden(event);
  }

  afterRecover(event: RecoverEvent<Entity>): Promise<void> | void {
    return this.hidden(event);
  }

  afterQuery({ queryRunner, query, success }: AnsweredQuery): Promise<void> | void {
    if (setsSearchPath(query) && this.entities.needSearchPath) this.purges.distrustReads();
    if (query === 'ROLLBACK') return this.purges.rolledBack(queryRunner, success);
    return !success && query === 'COMMIT' ? this.purges.unanswered(queryRunner) : undefined;
  }

  afterTransactionStart({ queryRunner }: TransactionStartEvent): void {
    this.purges.started(queryRunner);
  }

  beforeTransactionCommit({ queryRunner }: TransactionCommitEvent): Promise<void> {
    return this.purges.beforeCommit(queryRunner);
  }

  afterTransactionCommit({ queryRunner }: TransactionCommitEvent): Promise<void> {
    return this.purges.afterCommit(queryRunner);
  }

  beforeTransactionRollback({ queryRunner }: TransactionRollbackEvent): Promise<void> {
    return this.purges.rollingBack(queryRunner);
  }

  private hidden(event: Change): Promise<void> | void {
    const { metadata } = event;
    if (!this.entities.has(metadata)) return undefined;
    return this.after(event, (rows) => {
      if (!this.change(rows, event, false)) this.addTags(rows, metadata, {});
    });
  }

  private after(event: Write, note: (rows: ChangedRows) => void): Promise<void> {
    this.attempt(event, note, true);
    return this.purges.written(event.queryRunner);
  }

  /** @returns whether TypeORM tells which row it is */
  protected change(rows: ChangedRows, { metadata, databaseEntity, entityId }: Change, isGone: boolean): boolean {
    const reference = referenceOf(metadata, databaseEntity ?? entityId);
    if (reference && (isGone || this.entities.has(metadata))) rows.add(reference, 'stored', isGone);
    return reference !== undefined;
  }

  /** Adds both ends of a row of a junction table. */
  protected link(rows: ChangedRows, junction: EntityMetadata, row: Entity | undefined, withTags = true): void {
    for (const end of this.entities.ends(junction, row)) {
      if ('values' in end) rows.add(end, 'linked');
      else if (withTags) rows.addStale({ tags: this.entities.tagsOf(end) });
    }
  }

  /** @param values what was written; `undefined` when that is not known */
  private addTags(rows: ChangedRows, metadata: EntityMetadata, values: Entity | undefined): void {
    const classes = [metadata, ...this.entities.otherSides(metadata, values)];
    rows.addStale({ tags: classes.flatMap((one) => this.entities.tagsOf(one)) });
  }

  protected isCounted({ metadata, entity, updatedColumns, updatedRelations }: UpdateEvent<Entity>): boolean {
    if (!this.entities.has(metadata)) return false;
    return updatedRelations.length > 0 || this.entities.counts(metadata, updatedColumns, entity);
  }

  /** A write never fails because of this subscriber. */
  protected attempt({ queryRunner, metadata }: Write, note: (rows: ChangedRows) => void, isWritten: boolean): void {
    const rows = this.purges.changed(queryRunner);
    rows.isWritten = isWritten;
    try {
      note(rows);
    } catch (error) {
      this.report(error);
      rows.addStale({ tags: this.entities.tagsOf(metadata) });
    }
  }
}
