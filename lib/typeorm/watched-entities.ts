import type { DataSource, EntityMetadata, ObjectLiteral, RelationMetadata } from 'typeorm';
import { classTagOf } from './page-cache-tag.decorator.js';

/** One side of a many-to-many relation. */
export interface JunctionSide {
  readonly metadata: EntityMetadata;
  readonly idOf: (row: ObjectLiteral) => ObjectLiteral | undefined;
}

/** The entity classes of a data source whose changes purge pages, those that extend them included. */
export class WatchedEntities {
  readonly #targets = new Set<unknown>();
  #all: EntityMetadata[] | undefined;

  constructor(private readonly dataSource: DataSource) {}

  add(entities: readonly EntityMetadata[]): void {
    for (const { target } of entities) this.#targets.add(target);
    this.#all = undefined;
  }

  has(metadata: EntityMetadata): boolean {
    return this.#targets.has(metadata.target) || metadata.inheritanceTree.some((parent) => this.#targets.has(parent));
  }

  tagOf({ target, name }: EntityMetadata): string {
    return classTagOf(typeof target === 'function' ? target : name).tag;
  }

  /** The tags that a write to a class purges: subclasses share a table, and a page may have been tagged with either. */
  tagsOf(metadata: EntityMetadata): string[] {
    const family = this.all().filter((other) => related(other, metadata));
    return (family.length > 0 ? family : [metadata]).map((other) => this.tagOf(other));
  }

  /** Whether pages get the tag of the class by themselves. */
  tagsPages({ target }: EntityMetadata): boolean {
    return classTagOf(target).automatic !== false;
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
   * The relations through which the database changes other rows by itself when one of this class is deleted: TypeORM
   * sees nothing of it.
   *
   * @param isBulk whether TypeORM does not know which one is deleted: then it leaves all junction rows to the database, too
   */
  cascades(metadata: EntityMetadata, isBulk: boolean): RelationMetadata[] {
    return this.all()
      .flatMap((other) => other.ownRelations)
      .filter((relation) => related(relation.inverseEntityMetadata, metadata) && isCascade(relation, isBulk));
  }

  /** The watched sides of a many-to-many relation, and how the rows of its junction name them. */
  sides(junction: EntityMetadata): JunctionSide[] {
    return [junction.ownerColumns, junction.inverseColumns].flatMap((columns) => {
      const metadata = columns[0]?.referencedColumn?.entityMetadata;
      if (!metadata || !this.has(metadata)) return [];
      const idOf = (row: ObjectLiteral) => {
        const id: ObjectLiteral = {};
        for (const { propertyName, databaseName, referencedColumn } of columns) {
          const value: unknown = row[propertyName] ?? row[databaseName];
          if (value === undefined) return undefined;
          referencedColumn?.setEntityValue(id, value);
        }
        return id;
      };
      return [{ metadata, idOf }];
    });
  }

  private all(): EntityMetadata[] {
    return (this.#all ??= this.dataSource.entityMetadatas.filter((metadata) => this.has(metadata)));
  }
}

function isWritten(relation: RelationMetadata, values: ObjectLiteral): boolean {
  return (
    relation.getEntityValue(values) !== undefined ||
    relation.joinColumns.some((column) => column.getEntityValue(values) !== undefined)
  );
}

function isCascade(relation: RelationMetadata, isBulk: boolean): boolean {
  // When the deleted side has the relation as well, TypeORM deletes the rows of the junction one by one.
  if (relation.isManyToMany) return isBulk || !relation.inverseRelation;
  return relation.isOwning && ['CASCADE', 'SET NULL', 'SET DEFAULT'].includes(relation.onDelete ?? '');
}

function related(one: EntityMetadata, other: EntityMetadata): boolean {
  return (
    one === other ||
    one.inheritanceTree.includes(other.target as never) ||
    other.inheritanceTree.includes(one.target as never)
  );
}
