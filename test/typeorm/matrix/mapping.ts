import type { DataSource, EntityManager, ObjectLiteral } from 'typeorm';

export type Database = 'postgres' | 'sqlite';

export type EntityClass = new () => ObjectLiteral;

/** What a write may purge. */
export interface Purges {
  readonly paths: readonly string[];
  /**
   * Where the documentation says that the class goes by its tag: then these tags may be purged, and of the paths those that are known.
   * Without it, exactly the paths must be.
   */
  readonly tags?: readonly string[];
  /** Where the tags are purged; everywhere by default. */
  readonly tagsOn?: Database;
}

export type Write = (manager: EntityManager, dataSource: DataSource) => Promise<unknown>;

/** A way to map a class, pages made of it, and a row to write. */
export interface Mapping {
  readonly name: string;
  /** Without one, the ways to write a row do not apply. */
  readonly row?: Row;
  readonly entities: readonly EntityClass[];
  /** Default: all entities. */
  readonly watched?: readonly EntityClass[];
  readonly only?: Database;
  /** Run once, after the tables have been made. */
  readonly setup?: Partial<Record<Database, readonly string[]>>;
  /** What is there before the write. */
  readonly seed: readonly (readonly [EntityClass, ObjectLiteral])[];
  /**
   * SQL for all pages of the site: `path`, `body`, and `tags` separated by commas. The oracle: it knows nothing of TypeORM. A page of
   * several rows shows them all.
   */
  readonly pages: string;
  /** Besides the ways to write a row. */
  readonly writes?: Readonly<Record<string, readonly [Write, Purges]>>;
}

export interface Row {
  readonly entity: EntityClass;
  readonly id: ObjectLiteral;
  /** What is written over it. */
  readonly change: ObjectLiteral;
  /** Another one, without an id that the database makes. */
  readonly fresh: ObjectLiteral;
  /** `dependentPaths()` of the row as it was and is, and of the other one. */
  readonly paths: Record<'old' | 'changed' | 'fresh', readonly string[]>;
  /** Of the classes of which a page of the row goes when it changes by a bulk write. */
  readonly tags: readonly string[];
  /** Documented: TypeORM writes more than it tells, so that every write purges the tag, too. */
  readonly goesByTag?: boolean;
  /** Ways to write that TypeORM does not support for this mapping, and why. */
  readonly without?: Readonly<Record<string, string>>;
}

export const exactly = (...paths: string[]): Purges => ({ paths });

/** @param paths those that are known may be purged as well */
export const byTag = (tags: readonly string[], ...paths: string[]): Purges => ({ paths, tags });

/** In memory there is one connection: what TypeORM does not tell before the write cannot be read any more. */
export const exactlyButInMemory = (tags: readonly string[], ...paths: string[]): Purges => ({
  paths,
  tags,
  tagsOn: 'sqlite',
});

/** Of a row with the slug `a`, which gets `b`, and of a new one with `c`. */
export const slugs = { id: { id: 1 }, change: { slug: 'b' }, fresh: { slug: 'c' } };

/** Paths of a row, which are made of what is written. */
export const pathsOf = (prefix: string, old = 'a', changed = 'b', fresh = 'c') => ({
  old: [prefix + old],
  changed: [prefix + changed],
  fresh: [prefix + fresh],
});
