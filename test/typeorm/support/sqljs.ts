import type { DataSource } from 'typeorm';

/** The database in this process, past TypeORM. */
export function sqljs({ driver }: DataSource): (sql: string) => Record<string, unknown>[] {
  const { databaseConnection } = driver as unknown as {
    databaseConnection: { exec(sql: string): { columns: string[]; values: unknown[][] }[] };
  };
  return (sql) =>
    databaseConnection
      .exec(sql)
      .flatMap(({ columns, values }) =>
        values.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))),
      );
}
