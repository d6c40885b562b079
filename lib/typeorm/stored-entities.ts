import type {
  DataSource,
  EntityMetadata,
  ObjectLiteral,
  QueryRunner,
  RelationMetadata,
  SelectQueryBuilder,
} from 'typeorm';
import { slices } from '../async/chunks.js';
import type { RelationTree } from './relation-reads.js';
import { keyOf, type RowReference } from './row-reference.js';

/** Databases limit the number of parameters. The lowest limit is about 1000 (Oracle). */
const PARAMETERS = 1000;

type Query = SelectQueryBuilder<ObjectLiteral>;

/** Reads rows as the database has them: without TypeORM's query cache, which may be older than the change. */
export class StoredEntities {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Reads rows with relations, and with the columns that are not selected by default. It finds soft-removed rows: they have just been removed,
   * or are about to be shown again.
   *
   * @param references references to rows of that class
   */
  of(
    runner: QueryRunner,
    metadata: EntityMetadata,
    references: readonly RowReference[],
    relations: RelationTree = {},
  ): Promise<ObjectLiteral[]> {
    return inSlices(references, (some) => {
      const query = from(runner, metadata);
      joinAll(query, 'entity', metadata, relations);
      return this.where(query, 'entity', some).getMany();
    });
  }

  /** The rows whose relation leads to one of the given rows. */
  referring(
    runner: QueryRunner,
    relation: RelationMetadata,
    references: readonly RowReference[],
  ): Promise<ObjectLiteral[]> {
    return inSlices(references, (some) => {
      const query = from(runner, relation.entityMetadata).innerJoin(`entity.${relation.propertyPath}`, 'referred');
      return this.where(query, 'referred', some).getMany();
    });
  }

  private where(query: Query, alias: string, references: readonly RowReference[]): Query {
    const columns = references[0]?.columns ?? [];
    const names = columns.map(({ databaseName }) => `${query.escape(alias)}.${query.escape(databaseName)}`);
    const rows = references.map(({ values }) =>
      values.map((value, index): unknown => this.dataSource.driver.preparePersistentValue(value, columns[index]!)),
    );
    if (columns.length === 1) return query.where(`${names[0]} IN (:...keys)`, { keys: rows.flat() });
    const parameters: ObjectLiteral = {};
    const conditions = rows.map((row, rowIndex) => {
      const parts = row.map((value, index) => {
        parameters[`key${rowIndex}_${index}`] = value;
        return `${names[index]} = :key${rowIndex}_${index}`;
      });
      return `(${parts.join(' AND ')})`;
    });
    return query.where(`(${conditions.join(' OR ')})`, parameters);
  }
}

function from(runner: QueryRunner, metadata: EntityMetadata): Query {
  const query = runner.manager.createQueryBuilder<ObjectLiteral>(metadata.target, 'entity').withDeleted().cache(false);
  return query.select(selection('entity', metadata));
}

function joinAll(query: Query, alias: string, metadata: EntityMetadata, relations: RelationTree): void {
  for (const relation of metadata.relations) {
    const tree = relation.propertyPath
      .split('.')
      .reduce<RelationTree | undefined>((branch, name) => branch?.[name], relations);
    if (!tree) continue;
    const joined = `${alias}_${metadata.relations.indexOf(relation)}`;
    query.leftJoin(`${alias}.${relation.propertyPath}`, joined);
    query.addSelect(selection(joined, relation.inverseEntityMetadata));
    joinAll(query, joined, relation.inverseEntityMetadata, tree);
  }
}

/**
 * `dependentPaths()` may also read a column with `select: false`. Selecting a whole entity leaves such columns out, and in TypeORM 0.3.20
 * virtual columns as well; in that version, a column that is selected beside its entity is selected twice.
 */
function selection(alias: string, { columns }: EntityMetadata): string[] {
  const isWhole = columns.every(({ isSelect, isVirtualProperty }) => isSelect && !isVirtualProperty);
  return isWhole ? [alias] : columns.map(({ propertyPath }) => `${alias}.${propertyPath}`);
}

/** @param read gets references that name their rows by the same columns */
async function inSlices(
  references: readonly RowReference[],
  read: (some: readonly RowReference[]) => Promise<ObjectLiteral[]>,
): Promise<ObjectLiteral[]> {
  const byColumns = new Map<string, Map<string, RowReference>>();
  for (const reference of references) {
    const names = reference.columns.map(({ databaseName }) => databaseName).join();
    let same = byColumns.get(names);
    if (!same) byColumns.set(names, (same = new Map()));
    same.set(keyOf(reference), reference);
  }
  const found: ObjectLiteral[] = [];
  for (const same of byColumns.values()) {
    const all = [...same.values()];
    const size = Math.max(1, Math.floor(PARAMETERS / (all[0]?.columns.length || 1)));
    for (const some of slices(all, size)) found.push(...(await read(some)));
  }
  return found;
}
