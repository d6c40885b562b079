import type { DataSource } from 'typeorm';

/**
 * Where to read the state that a transaction replaces:
 *
 * - `beside`: on another connection, just before the COMMIT. Pages show what is committed. The committed state of a row that the transaction
 *   has written cannot change until the transaction ends: its lock keeps other writers out, and no reader waits for it.
 * - `before`: on the only connection, before the write.
 * - `nowhere`: a reader would wait for the writer, or make it fail. The tag of the class is purged instead.
 */
export type OldState = 'beside' | 'before' | 'nowhere';

/** With these, readers get the last committed version of a locked row, and do not wait. */
const MULTIVERSION = new Set(['postgres', 'aurora-postgres', 'mysql', 'mariadb', 'aurora-mysql', 'oracle', 'sap']);

/** These have one connection for everything. */
const SINGLE_CONNECTION = new Set([
  'sqljs',
  'sqlite',
  'better-sqlite3',
  'expo',
  'capacitor',
  'cordova',
  'react-native',
  'nativescript',
]);

export function oldStateOf({ options }: DataSource): OldState {
  if (MULTIVERSION.has(options.type)) return 'beside';
  if (!SINGLE_CONNECTION.has(options.type)) return 'nowhere';
  if (options.type === 'better-sqlite3' && isFile(options.database)) return 'beside';
  // A transaction that reads first fails when another process writes before it does (SQLITE_BUSY_SNAPSHOT).
  return (options.type as string) === 'sqlite' && isFile(options.database) ? 'nowhere' : 'before';
}

/** Nobody else can open a database in memory, or the temporary database that '' stands for. */
export function isFile(database: unknown): boolean {
  return typeof database !== 'string' || !(database === '' || database.includes(':memory:'));
}
