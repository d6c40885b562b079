import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import { targetPath, targetPaths } from '../purging/purge-target.js';
import { addRelation, RelationReads, type RelationTree } from './relation-reads.js';

/** Each round finds at least one more relation; deeper than this, `dependentPaths()` walks the database. */
const MAX_ROUNDS = 10;

/** What the entities of one class have answered. */
export interface EntityPathsAnswer {
  readonly paths: ReadonlySet<string>;
  /** How many entities there were. */
  readonly found: number;
  /** Whether each of them has given nothing but paths. */
  readonly isComplete: boolean;
}

/**
 * Calls `dependentPaths()`, on entities with every relation that it reads: which these are is learned class by class, so that one
 * query loads everything from the second time on.
 */
export class EntityPaths {
  readonly #needed = new WeakMap<EntityMetadata, RelationTree>();

  /** @param report is told the first error of each call; the entities and the paths that are good are kept */
  constructor(private readonly report: (error: unknown) => void) {}

  /**
   * @param load gives the entities with these relations; they are ours to change
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

  /** @returns `undefined` when relations are missing, which are known from now on */
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
        // As it was given: what else it may mean is for the purge to say.
        paths.add(typeof one === 'string' && one.startsWith('/') ? one : (page?.path ?? '/'));
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) this.report(errors[0]);
    return { paths, found: entities.length, isComplete: errors.length === 0 };
  }
}

/** Whether entities of the class, or of one that extends it, tell their paths. */
export function hasPaths({ target, childEntityMetadatas }: EntityMetadata): boolean {
  const own = typeof target === 'function' && 'dependentPaths' in (target.prototype as object);
  return own || childEntityMetadatas.some(hasPaths);
}

/** The list, of which each path is looked at later, once for all entities. */
async function pathsOf(entity: { dependentPaths?(): unknown }): Promise<Iterable<unknown>> {
  if (!entity.dependentPaths) throw new TypeError(`${entity.constructor.name} has no dependentPaths()`);
  const paths = await entity.dependentPaths();
  if (typeof paths === 'object' && paths !== null && Symbol.iterator in paths) return paths as Iterable<unknown>;
  await targetPaths([{ dependentPaths: () => paths as string[] }], undefined);
  return [];
}
