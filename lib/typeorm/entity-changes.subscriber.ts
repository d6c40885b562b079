import type {
  EntityMetadata,
  EntitySubscriberInterface,
  InsertEvent,
  LoadEvent,
  ObjectLiteral,
  QueryRunner,
  RecoverEvent,
  RelationMetadata,
  RemoveEvent,
  SoftRemoveEvent,
  TransactionCommitEvent,
  TransactionRollbackEvent,
  TransactionStartEvent,
  UpdateEvent,
} from 'typeorm';
import type { PageCacheService } from '../module/page-cache.service.js';
import { copyOf } from './entity-copy.js';
import type { EntityPaths } from './entity-paths.js';
import type { TransactionPurges } from './transaction-purges.js';
import type { WatchedEntities } from './watched-entities.js';

/** Rows that refer to rows that refer to rows: the database may go on, we stop here and purge by tag. */
const MAX_CASCADES = 10;

type Entity = ObjectLiteral;

/** One write, as all events tell it. */
interface Write {
  readonly queryRunner: QueryRunner;
  readonly metadata: EntityMetadata;
}

/**
 * Listens to TypeORM. The old state is read before the write, in its transaction, and the new one after it; a write of which TypeORM
 * does not tell the entity purges by the tag of the class.
 */
export class EntityChangesSubscriber implements EntitySubscriberInterface<Entity> {
  /** Of what is being inserted. Afterwards the entity may tell another: SQLite's last row, which an upsert leaves as it was. */
  readonly #givenIds = new WeakMap<Entity, Entity>();

  constructor(
    private readonly entities: WatchedEntities,
    private readonly paths: EntityPaths,
    private readonly purges: TransactionPurges,
    private readonly pages: PageCacheService,
  ) {}

  afterLoad(_entity: Entity, event?: LoadEvent<Entity>): void {
    const page = this.pages.current();
    if (!page || !event || !this.entities.has(event.metadata) || !this.entities.tagsPages(event.metadata)) return;
    page.tag(this.entities.tagOf(event.metadata));
  }

  /** An entity that has an id already may be there already: an upsert. */
  beforeInsert(event: InsertEvent<Entity>): Promise<void> | void {
    const { metadata, entity } = event;
    if (metadata.isJunction || !this.entities.has(metadata)) return;
    const id = idOf(metadata, entity);
    if (!id) return;
    this.#givenIds.set(entity, id);
    return this.collect(event, metadata, id);
  }

  afterInsert(event: InsertEvent<Entity>): Promise<void> | void {
    const { metadata, entity } = event;
    if (metadata.isJunction) return this.written(event, this.linked(event, event.entityId ?? entity));
    if (!this.entities.has(metadata)) return;
    // Query builders tell no id of their own, and this may have been an upsert of a row that nobody knows.
    const isBulk = event.entityId === undefined;
    if (isBulk) this.collectTags(event, entity);
    const id = this.#givenIds.get(entity) ?? idOf(metadata, event.entityId ?? entity);
    if (!id) return this.written(event);
    const copy = isBulk ? undefined : copyOf(metadata, event.queryRunner, undefined, entity);
    return this.written(event, this.collect(event, metadata, id, copy));
  }

  beforeUpdate(event: UpdateEvent<Entity>): Promise<void> | void {
    return this.before(event, event.entity);
  }

  afterUpdate(event: UpdateEvent<Entity>): Promise<void> | void {
    const { metadata, entity, databaseEntity, queryRunner } = event;
    if (!this.entities.has(metadata)) return;
    const stored = databaseEntity as Entity | undefined;
    if (!stored) this.collectTags(event, entity);
    const id = idOf(metadata, stored ?? entity);
    if (!id) return this.written(event);
    const copy = stored && copyOf(metadata, queryRunner, stored, entity);
    return this.written(event, this.collect(event, metadata, id, copy));
  }

  beforeRemove(event: RemoveEvent<Entity>): Promise<void> | void {
    if (event.metadata.isJunction) return this.linked(event, event.entityId as Entity | undefined);
    const id = idOf(event.metadata, event.databaseEntity ?? event.entityId);
    if (!id) return;
    const own = this.before(event, id);
    const cascades = this.cascade(event, event.metadata, id);
    return own || cascades ? Promise.all([own, cascades]).then(() => undefined) : undefined;
  }

  afterRemove(event: RemoveEvent<Entity>): Promise<void> | void {
    const { metadata, entityId } = event;
    if (metadata.isJunction) return this.written(event, this.linked(event, entityId as Entity | undefined));
    if (!idOf(metadata, event.databaseEntity ?? entityId)) {
      if (this.entities.has(metadata)) this.collectTags(event, {});
      this.cascadeTags(event, metadata);
    }
    return this.written(event);
  }

  beforeSoftRemove(event: SoftRemoveEvent<Entity>): Promise<void> | void {
    return this.before(event, event.entityId);
  }

  afterSoftRemove(event: SoftRemoveEvent<Entity>): Promise<void> | void {
    return this.after(event);
  }

  beforeRecover(event: RecoverEvent<Entity>): Promise<void> | void {
    return this.before(event, event.entityId);
  }

  afterRecover(event: RecoverEvent<Entity>): Promise<void> | void {
    return this.after(event);
  }

  afterTransactionStart({ queryRunner }: TransactionStartEvent): void {
    this.purges.started(queryRunner);
  }

  beforeTransactionCommit({ queryRunner }: TransactionCommitEvent): void {
    this.purges.committing(queryRunner);
  }

  afterTransactionCommit({ queryRunner }: TransactionCommitEvent): Promise<void> {
    return this.purges.committed(queryRunner);
  }

  beforeTransactionRollback({ queryRunner }: TransactionRollbackEvent): Promise<void> {
    return this.purges.rollingBack(queryRunner);
  }

  afterTransactionRollback({ queryRunner }: TransactionRollbackEvent): void {
    this.purges.rolledBack(queryRunner);
  }

  /** The old state: TypeORM has read it for a `save()`, but not for what changes along with it. */
  private before(event: Write & { databaseEntity?: Entity }, known: unknown): Promise<void> | undefined {
    const { metadata, databaseEntity, queryRunner } = event;
    if (!this.entities.has(metadata)) return undefined;
    const id = idOf(metadata, databaseEntity ?? known);
    return id && this.collect(event, metadata, id, databaseEntity && copyOf(metadata, queryRunner, databaseEntity));
  }

  /** The new state of what was hidden or shown. */
  private after(event: SoftRemoveEvent<Entity>): Promise<void> | undefined {
    const { metadata } = event;
    if (!this.entities.has(metadata)) return undefined;
    const id = idOf(metadata, (event.databaseEntity as Entity | undefined) ?? event.entityId);
    if (id) return this.written(event, this.collect(event, metadata, id));
    this.collectTags(event, {});
    return this.written(event);
  }

  /** Both ends of a row of a junction table. */
  private async linked(event: Write, row: Entity | undefined): Promise<void> {
    const level = this.purges.level(event.queryRunner);
    await Promise.all(
      this.entities.sides(event.metadata).map(async ({ metadata, idOf: sideOf }) => {
        const id = row && sideOf(row);
        if (id) await this.collect(event, metadata, id);
        else level.add({ tags: this.entities.tagsOf(metadata) });
      }),
    );
  }

  /** What the database deletes, or takes a reference from, by itself. */
  private cascade(write: Write, metadata: EntityMetadata, id: Entity, depth = 0): Promise<void> | undefined {
    const relations = this.entities.cascades(metadata, false);
    if (relations.length === 0) return undefined;
    const { queryRunner } = write;
    const level = this.purges.level(queryRunner);
    return Promise.all(
      relations.map(async (relation) => {
        const { entityMetadata } = relation;
        const rows = depth < MAX_CASCADES ? await this.paths.referring(queryRunner, relation, id) : undefined;
        if (!rows) return level.add({ tags: this.entities.tagsOf(entityMetadata) });
        await Promise.all(
          rows.map(async (row) => {
            const rowId = idOf(entityMetadata, row);
            if (!rowId) return;
            await this.collect(write, entityMetadata, rowId, copyOf(entityMetadata, queryRunner, row));
            if (isDeletedAlong(relation)) await this.cascade(write, entityMetadata, rowId, depth + 1);
          }),
        );
      }),
    ).then(() => undefined);
  }

  private cascadeTags(write: Write, metadata: EntityMetadata, seen = new Set([metadata])): void {
    for (const relation of this.entities.cascades(metadata, true)) {
      const { entityMetadata } = relation;
      this.purges.level(write.queryRunner).add({ tags: this.entities.tagsOf(entityMetadata) });
      if (!isDeletedAlong(relation) || seen.has(entityMetadata)) continue;
      this.cascadeTags(write, entityMetadata, seen.add(entityMetadata));
    }
  }

  private async collect(write: Write, metadata: EntityMetadata, id: Entity, copy?: Entity): Promise<void> {
    // As it is now: the write belongs to the transaction that is open now.
    const level = this.purges.level(write.queryRunner);
    const paths = await this.paths.of(write.queryRunner, metadata, id, copy);
    level.add(paths ? { paths } : { tags: this.entities.tagsOf(metadata) });
  }

  /** @param values what was written; `undefined` when that is not known */
  private collectTags({ queryRunner, metadata }: Write, values: Entity | undefined): void {
    const classes = [metadata, ...this.entities.otherSides(metadata, values)];
    this.purges.level(queryRunner).add({ tags: classes.flatMap((one) => this.entities.tagsOf(one)) });
  }

  private async written({ queryRunner }: Write, collected?: Promise<void>): Promise<void> {
    await collected;
    await this.purges.written(queryRunner);
  }
}

/** Of a many-to-many relation, the row of the junction is deleted, and no entity. */
function isDeletedAlong({ onDelete, isManyToMany }: RelationMetadata): boolean {
  return onDelete === 'CASCADE' && !isManyToMany;
}

/** @param source an entity, an id map, or the bare value of a single primary column */
function idOf(metadata: EntityMetadata, source: unknown): Entity | undefined {
  if (source === undefined || source === null) return undefined;
  if (typeof source !== 'object') return metadata.ensureEntityIdMap(source);
  const id = metadata.getEntityIdMap(source);
  return id && Object.values(id).every((value) => value !== undefined && value !== null) ? id : undefined;
}
