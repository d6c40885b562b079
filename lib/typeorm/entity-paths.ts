import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import { targetPath, targetPaths } from '../purging/purge-target.js';
import { addRelation, RelationReads, type RelationTree } from './relation-reads.js';

/** Each round finds at least one more relation. If there are more rounds than this, `dependentPaths()` walks the database. */
const MAX_ROUNDS = 10;

/** The answers of the entities of one class. */
export interface EntityPathsAnswer {
  readonly paths: ReadonlySet<string>;
  /** How many entities there were. */
  readonly found: number;
  /** Whether each of them has given only paths. */
  readonly isComplete: boolean;
}

/**
 * Calls `dependentPaths()` on entities that have every relation that it reads. It learns for each class which relations these are, so from
 * the second time on, one query loads everything.
 */
export class EntityPaths {
  readonly #needed = new WeakMap<EntityMetadata, RelationTree>();

  /** @param report gets the first error of each call; the entities and paths without errors are kept */
  constructor(private readonly report: (error: unknown) => void) {}

  /**
   * @param load gives the entities with these relations; the entities are ours to change
   * @throws what `load` throws
   */
  async of(
    metadata: EntityMetadata,
    load: (relations: RelationTree) => Promise<ObjectLiteral[]>,
  ): Promise<EntityPathsAnswer> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const relations = structuredClone(this.#needed.get(metadata) ?? {});
      const answer = await this.call(metadata, await load(relations), relations);
      if (answer) return answer;
    }
    throw new Error(`dependentPaths() of ${metadata.name} reads relations of relations without end.`);
  }

  /** @returns `undefined` when relations were missing; from now on, they are known */
  private async call(
    metadata: EntityMetadata,
    entities: ObjectLiteral[],
    loaded: RelationTree,
  ): Promise<EntityPathsAnswer | undefined> {
    const reads = new RelationReads();
    const given = new Set<unknown>();
    const errors: unknown[] = [];
    for (const entity of entities) {
      try {
        reads.watch(entity, metadata.findInheritanceMetadata(entity), loaded);
        for (const path of await pathsOf(entity as { dependentPaths?(): unknown })) given.add(path);
      } catch (error) {
        errors.push(error);
      }
    }
    if (reads.missing.size > 0) {
      const needed = this.#needed.get(metadata) ?? {};
      for (const path of reads.missing) addRelation(needed, path);
      this.#needed.set(metadata, needed);
      return undefined;
    }
    const paths = new Set<string>();
    for (const one of given) {
      try {
        const [page] = targetPath(one as string | URL, undefined);
        // The path as it was given: the purge decides what else it may mean.
        paths.add(typeof one === 'string' && one.startsWith('/') ? one : (page?.path ?? '/'));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) this.report(errors[0]);
    return { paths, found: entities.length, isComplete: errors.length === 0 };
  }
}

/** Whether entities of the class, or of a class that extends it, tell their paths. */
export function hasPaths({ target, childEntityMetadatas }: EntityMetadata): boolean {
  const own = typeof target === 'function' && 'dependentPaths' in (target.prototype as object);
  return own || childEntityMetadatas.some(hasPaths);
}

/** The list of paths. Each path is looked at later, once for all entities. */
async function pathsOf(entity: { dependentPaths?(): unknown }): Promise<Iterable<unknown>> {
  if (!entity.dependentPaths) throw new TypeError(`${entity.constructor.name} has no dependentPaths()`);
  const paths = await entity.dependentPaths();
  if (typeof paths === 'object' && paths !== null && Symbol.iterator in paths) return paths as Iterable<unknown>;
  await targetPaths([{ dependentPaths: () => paths as string[] }], undefined);
  return [];
}
