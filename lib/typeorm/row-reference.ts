import type { EntityMetadata, ObjectLiteral } from 'typeorm';

type Column = EntityMetadata['columns'][number];

/** One row of an entity class, by its primary key or by other columns that refer to it. */
export interface RowReference {
  readonly metadata: EntityMetadata;
  readonly columns: readonly Column[];
  /** The values as the application has them. */
  readonly values: readonly unknown[];
}

/**
 * @param source an entity, an id map, or the bare value of a single primary column
 * @returns `undefined` when the source does not tell the whole key
 */
export function referenceOf(metadata: EntityMetadata, source: unknown): RowReference | undefined {
  if (source === undefined || source === null) return undefined;
  const columns = metadata.primaryColumns;
  const isBare = typeof source !== 'object' || source instanceof Date || Buffer.isBuffer(source);
  if (isBare) return columns.length === 1 ? { metadata, columns, values: [source] } : undefined;
  return byColumns(
    metadata,
    columns,
    columns.map((column) => column.getEntityValue(source as ObjectLiteral)),
  );
}

/** @returns `undefined` when a value is missing */
export function byColumns(
  metadata: EntityMetadata,
  columns: readonly Column[],
  given: readonly unknown[],
): RowReference | undefined {
  const values = given.map((value, index) => plain(columns[index] as Column, value));
  // SQL that the database will evaluate is not a value, either.
  const isWhole = values.every((value) => value !== undefined && value !== null && typeof value !== 'function');
  return isWhole ? { metadata, columns, values } : undefined;
}

/** A key that is the same for two references to one row. */
export function keyOf({ columns, values }: RowReference): string {
  const [value] = values;
  // Nearly all keys are like this, and there may be a thousand of them in one transaction.
  if (values.length === 1 && (typeof value === 'number' || typeof value === 'string')) {
    return `${columns[0]?.databaseName} ${value}`;
  }
  const names = columns.map(({ databaseName }) => databaseName);
  return JSON.stringify([names, values], (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}

/** The value of a key. If the key is a relation, TypeORM may give the related entity instead of its id. */
export function plain(column: Column, value: unknown): unknown {
  const isEntity = typeof value === 'object' && value !== null && !(value instanceof Date) && !Buffer.isBuffer(value);
  if (!isEntity || !column.referencedColumn) return value;
  return plain(column.referencedColumn, column.referencedColumn.getEntityValue(value));
}
