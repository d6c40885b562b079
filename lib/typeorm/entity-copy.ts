import type { EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';

/**
 * An entity as the database has it, put together from what TypeORM has at hand. A copy of our own: what the application holds may
 * be partial, and is never touched.
 *
 * @param stored what was read from the database, if anything
 * @param written what has been written over it
 * @returns `undefined` when this does not tell the value of every column: then it must be read
 */
export function copyOf(
  metadata: EntityMetadata,
  runner: QueryRunner,
  stored: ObjectLiteral | undefined,
  written?: ObjectLiteral,
): ObjectLiteral | undefined {
  const copy = metadata.create(runner, { fromDeserializer: true }) as ObjectLiteral;
  for (const column of metadata.columns) {
    // Join columns without a property, discriminators, and what is not read unless asked for.
    if (column.isVirtual || column.isVirtualProperty || !column.isSelect) continue;
    const before: unknown = stored && column.getEntityValue(stored);
    const isWritten = stored ? column.isUpdate : column.isInsert;
    const now: unknown = written && isWritten ? column.getEntityValue(written) : undefined;
    // SQL, or a value that the database has in another form.
    if (typeof now === 'function') return undefined;
    if (column.transformer && now !== undefined && now !== before) return undefined;
    const value = now === undefined ? before : now;
    if (value === undefined) return undefined;
    column.setEntityValue(copy, value);
  }
  return copy;
}
