import type { DataSource, EntityMetadata, ObjectLiteral, RelationMetadata } from 'typeorm';
import { classTagOf } from './page-cache-tag.decorator.js';
import { byColumns, plain, type RowReference } from './row-reference.js';

/** One side of a many-to-many relation that is watched. */
interface JunctionSide {
  readonly metadata: EntityMetadata;
  /** The columns of the junction, and the columns of the class that they refer to. */
  readonly columns: readonly Column[];
  readonly referenced: readonly Column[];
}

type Column = EntityMetadata['columns'][number];

/** The entity classes of a data source whose changes purge pages, including classes that extend them. */
export class WatchedEntities {
  readonly #targets = new Set<unknown>();
  #all: EntityMetadata[] | undefined;
  /** By junction: they are needed for each of its rows. */
  #sides = new Map<EntityMetadata, readonly JunctionSide[]>();
  /** By class: they are needed for each update. */
  readonly #byKey = new Map<EntityMetadata, readonly RelationMetadata[]>();

  constructor(private readonly dataSource: DataSource) {}

  add(entities: readonly EntityMetadata[]): void {
    for (const { target } of entities) this.#targets.add(target);
    this.#all = undefined;
    this.#sides = new Map();
  }

  has(metadata: EntityMetadata): boolean {
    return this.#targets.has(metadata.target) || metadata.inheritanceTree.some((parent) => this.#targets.has(parent));
  }

  /** Whether it depends on the connection which tables the classes mean. */
  get needSearchPath(): boolean {
    return this.dataSource.entityMetadatas.some(({ schema }) => !schema);
  }

  tagOf({ target, name }: EntityMetadata): string {
    return classTagOf(typeof target === 'function' ? target : name).tag;
  }

  /** The tags that a write to a class purges: subclasses share a table, and a page may have been tagged with any of them. */
  tagsOf(metadata: EntityMetadata): string[] {
    const family = this.all().filter((other) => related(other, metadata));
    return (family.length > 0 ? family : [metadata]).map((other) => this.tagOf(other));
  }

  /** Whether pages get the tag of the class automatically. */
  tagsPages({ target }: EntityMetadata): boolean {
    return classTagOf(target).automatic !== false;
  }

  /**
   * Whether an update changes a column that pages show.
   *
   * @param updated the columns, if TypeORM tells them
   * @param values otherwise, what was written
   */
  counts(metadata: EntityMetadata, updated: readonly Column[], values: ObjectLiteral | undefined): boolean {
    const { ignoreColumns = [] } = classTagOf(metadata.target);
    if (ignoreColumns.length === 0) return true;
    const columns = updated.length > 0 ? updated : writtenColumns(metadata, values);
    return columns.length === 0 || columns.some(({ propertyPath }) => !ignoreColumns.includes(propertyPath));
  }

  /**
   * The classes on the other side of the relations that a bulk write changes.
   *
   * @param values what is written; `undefined` when TypeORM does not tell
   */
  otherSides(metadata: EntityMetadata, values: ObjectLiteral | undefined): EntityMetadata[] {
    return metadata.relations
      .filter((relation) => relation.joinColumns.length > 0 && (!values || isWritten(relation, values)))
      .map((relation) => relation.inverseEntityMetadata)
      .filter((other) => this.has(other));
  }

  /**
   * The relations through which the database itself changes watched rows when a row of this class is deleted, directly or through classes that
   * nobody watches. TypeORM sees nothing of this.
   *
   * @param isBulk whether TypeORM does not know which row is deleted: then it also leaves all junction rows to the database
   */
  cascades(metadata: EntityMetadata, isBulk: boolean): RelationMetadata[] {
    return this.dataSource.entityMetadatas
      .flatMap((other) => other.ownRelations)
      .filter(
        (relation) =>
          related(relation.inverseEntityMetadata, metadata) &&
          isCascade(relation, isBulk) &&
          (this.has(relation.entityMetadata) || (relation.onDelete === 'CASCADE' && this.leadsOn(relation))),
      );
  }

  /**
   * The tags of the classes in which the database itself changes references when it changes what they refer to (`onUpdate: 'CASCADE'`),
   * directly or through classes that nobody watches. TypeORM sees nothing of this.
   *
   * @param updated the columns, if TypeORM tells them
   * @param values otherwise, what was written
   */
  followers(metadata: EntityMetadata, updated: readonly Column[], values: ObjectLiteral | undefined): string[] {
    if (this.byKey(metadata).length === 0) return [];
    const columns = updated.length > 0 ? updated : writtenColumns(metadata, values);
    return [...this.following(metadata, columns)]
      .filter(({ entityMetadata }) => this.has(entityMetadata))
      .flatMap(({ entityMetadata }) => this.tagsOf(entityMetadata));
  }

  private following(
    metadata: EntityMetadata,
    columns: readonly Column[],
    seen = new Set<RelationMetadata>(),
  ): Set<RelationMetadata> {
    const written = new Set(columns.map(({ databaseName }) => databaseName));
    for (const relation of this.byKey(metadata)) {
      const { joinColumns, entityMetadata } = relation;
      const refersTo = joinColumns.map(({ referencedColumn }) => referencedColumn?.databaseName ?? '');
      if (seen.has(relation) || (written.size > 0 && !refersTo.some((name) => written.has(name)))) continue;
      this.following(entityMetadata, joinColumns, seen.add(relation));
    }
    return seen;
  }

  /** The relations whose references the database changes together with the columns of a class. */
  private byKey(metadata: EntityMetadata): readonly RelationMetadata[] {
    let relations = this.#byKey.get(metadata);
    if (!relations) {
      relations = this.dataSource.entityMetadatas
        .flatMap((other) => other.ownRelations)
        .filter((relation) => changesAlong(relation, relation.onUpdate))
        .filter(({ inverseEntityMetadata }) => related(inverseEntityMetadata, metadata));
      this.#byKey.set(metadata, relations);
    }
    return relations;
  }

  /** The tags of the classes at the other end of the class's many-to-many relations. */
  otherEnds({ manyToManyRelations }: EntityMetadata): string[] {
    return manyToManyRelations
      .map(({ inverseEntityMetadata }) => inverseEntityMetadata)
      .filter((other) => this.has(other))
      .flatMap((other) => this.tagsOf(other));
  }

  /** The watched rows at both ends of a row of a junction table. For a side that the row does not name, the class. */
  ends(junction: EntityMetadata, row: ObjectLiteral | undefined): (RowReference | EntityMetadata)[] {
    return this.sides(junction).map(({ metadata, columns, referenced }) => {
      const values = columns.map((column) => plain(column, row?.[column.propertyName] ?? row?.[column.databaseName]));
      return byColumns(metadata, referenced, values) ?? metadata;
    });
  }

  private sides(junction: EntityMetadata): readonly JunctionSide[] {
    let sides = this.#sides.get(junction);
    if (sides) return sides;
    sides = [junction.ownerColumns, junction.inverseColumns].flatMap((columns) => {
      const referenced = columns.flatMap(({ referencedColumn }) => referencedColumn ?? []);
      const metadata = referenced[0]?.entityMetadata;
      return metadata && this.has(metadata) ? [{ metadata, columns, referenced }] : [];
    });
    this.#sides.set(junction, sides);
    return sides;
  }

  private leadsOn({ entityMetadata }: RelationMetadata, seen = new Set<EntityMetadata>()): boolean {
    if (seen.has(entityMetadata)) return false;
    seen.add(entityMetadata);
    if (entityMetadata.manyToManyRelations.some((relation) => this.has(relation.inverseEntityMetadata))) return true;
    return this.dataSource.entityMetadatas
      .flatMap((other) => other.ownRelations)
      .filter((relation) => related(relation.inverseEntityMetadata, entityMetadata) && isCascade(relation, true))
      .some((relation) => this.has(relation.entityMetadata) || this.leadsOn(relation, seen));
  }

  private all(): EntityMetadata[] {
    return (this.#all ??= this.dataSource.entityMetadatas.filter((metadata) => this.has(metadata)));
  }
}

/** A foreign key may have two properties, its own and the relation, and only one of them is given. */
function writtenColumns({ columns }: EntityMetadata, values: ObjectLiteral | undefined): Column[] {
  if (!values) return [];
  return columns.filter(
    (column) =>
      column.getEntityValue(values) !== undefined || column.relationMetadata?.getEntityValue(values) !== undefined,
  );
}

function isWritten(relation: RelationMetadata, values: ObjectLiteral): boolean {
  return (
    relation.getEntityValue(values) !== undefined ||
    relation.joinColumns.some((column) => column.getEntityValue(values) !== undefined)
  );
}

function isCascade(relation: RelationMetadata, isBulk: boolean): boolean {
  // If the deleted side has the relation as well, TypeORM deletes the rows of the junction one by one.
  if (relation.isManyToMany) return isBulk || !relation.inverseRelation;
  return changesAlong(relation, relation.onDelete);
}

/** Whether the database itself changes the row with the reference. */
function changesAlong({ isOwning, isManyToMany }: RelationMetadata, action: string | undefined): boolean {
  return isOwning && !isManyToMany && ['CASCADE', 'SET NULL', 'SET DEFAULT'].includes(action ?? '');
}

function related(one: EntityMetadata, other: EntityMetadata): boolean {
  return (
    one === other ||
    one.inheritanceTree.includes(other.target as never) ||
    other.inheritanceTree.includes(one.target as never)
  );
}
