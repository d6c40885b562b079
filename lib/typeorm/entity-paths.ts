import type { EntityMetadata, ObjectLiteral, QueryRunner, RelationMetadata } from 'typeorm';
import { targetPaths } from '../purging/purge-target.js';
import { slices } from '../async/chunks.js';
import { QueryBatches } from './query-batches.js';
import { addRelation, RelationReads, type RelationTree } from './relation-reads.js';

/** Each round finds at least one more relation; deeper than this, `dependentPaths()` walks the database. */
const MAX_ROUNDS = 10;

/** Databases limit the number of parameters; the least of them is some 1000. */
const IDS_PER_QUERY = 500;

type Paths = readonly string[] | undefined;

/**
 * Calls `dependentPaths()`, on entities with every relation that it reads: which these are is learned class by class, so that one
 * query loads everything from the second time on.
 *
 * All answers are `undefined` when the paths are not known: there is no such method, or it has thrown (which is reported).
 */
export class EntityPaths {
  readonly #needed = new WeakMap<EntityMetadata, RelationTree>();
  readonly #stored = new QueryBatches<EntityMetadata, Paths>((runner, metadata, ids) =>
    this.attempt(() => this.read(runner, metadata, ids)),
  );
  readonly #referring = new QueryBatches<RelationMetadata, ObjectLiteral[] | undefined>((runner, relation, ids) =>
    this.attempt(() =>
      find(
        runner,
        relation.entityMetadata,
        {},
        ids.map((id) => nested(relation, id)),
      ),
    ),
  );

  constructor(private readonly report: (error: unknown) => void) {}

  /**
   * @param copy an entity with all its columns, ours to change; without one, or when relations are needed, the database is asked
   */
  async of(runner: QueryRunner, metadata: EntityMetadata, id: ObjectLiteral, copy?: ObjectLiteral): Promise<Paths> {
    if (!hasPaths(metadata)) return undefined;
    if (copy && !this.#needed.has(metadata)) {
      const result = await this.attempt(() => this.call(metadata, [copy], {}));
      if (result !== 'more') return result;
    }
    return this.#stored.add(runner, metadata, id);
  }

  /** The entities whose relation leads to the one with that id; `undefined` when the database does not say. */
  referring(runner: QueryRunner, relation: RelationMetadata, id: ObjectLiteral): Promise<ObjectLiteral[] | undefined> {
    return this.#referring.add(runner, relation, id);
  }

  private async read(runner: QueryRunner, metadata: EntityMetadata, ids: readonly ObjectLiteral[]): Promise<Paths> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const relations = this.#needed.get(metadata) ?? {};
      const entities = await find(runner, metadata, relations, ids);
      const paths = await this.call(metadata, entities, relations);
      if (paths !== 'more') return paths;
    }
    throw new Error(`dependentPaths() of ${metadata.name} reads relations of relations without end.`);
  }

  /** @returns `'more'` when relations are missing, which are known from now on */
  private async call(
    metadata: EntityMetadata,
    entities: ObjectLiteral[],
    loaded: RelationTree,
  ): Promise<Paths | 'more'> {
    const reads = new RelationReads();
    const paths: string[] = [];
    let failure: { error: unknown } | undefined;
    for (const entity of entities) {
      reads.watch(entity, metadata, loaded);
      try {
        const targets = await targetPaths([entity as { dependentPaths(): string[] }], undefined);
        for (const { path } of targets) paths.push(path);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (reads.missing.size > 0) {
      const needed = this.#needed.get(metadata) ?? {};
      for (const path of reads.missing) addRelation(needed, path);
      this.#needed.set(metadata, needed);
      return 'more';
    }
    if (failure) throw failure.error;
    return paths;
  }

  private async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }
}

function hasPaths({ target }: EntityMetadata): boolean {
  if (typeof target !== 'function') return false;
  return typeof (target.prototype as { dependentPaths?: unknown }).dependentPaths === 'function';
}

/** Soft-removed entities included: they have just been, or are about to be shown again. */
async function find(
  runner: QueryRunner,
  metadata: EntityMetadata,
  relations: RelationTree,
  where: readonly ObjectLiteral[],
): Promise<ObjectLiteral[]> {
  const found: ObjectLiteral[] = [];
  for (const some of slices(where, IDS_PER_QUERY)) {
    const repository = runner.manager.getRepository<ObjectLiteral>(metadata.target);
    const options = { relations, withDeleted: true, loadEagerRelations: false };
    found.push(...(await repository.find({ ...options, where: some })));
  }
  return found;
}

function nested({ propertyPath }: RelationMetadata, id: ObjectLiteral): ObjectLiteral {
  return propertyPath.split('.').reduceRight<ObjectLiteral>((value, name) => ({ [name]: value }), id);
}
