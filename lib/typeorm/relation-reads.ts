import type { EntityMetadata, ObjectLiteral } from 'typeorm';

/** Relations to load, as in `find({ relations })`. */
export interface RelationTree {
  [property: string]: RelationTree;
}

/**
 * Notes which relations are read although they are not loaded. A missing relation looks like an empty one: `this.post?.path` would silently
 * be no path.
 */
export class RelationReads {
  readonly missing = new Set<string>();

  /**
   * @param entity one of our own: from now on, its relations that are not loaded throw when they are read
   * @param loaded the relations that are loaded
   */
  watch(entity: ObjectLiteral, metadata: EntityMetadata, loaded: RelationTree, path: readonly string[] = []): void {
    for (const relation of metadata.relations) {
      const names = relation.propertyPath.split('.');
      const tree = names.reduce<RelationTree | undefined>((branch, name) => branch?.[name], loaded);
      if (tree) {
        const { inverseEntityMetadata } = relation;
        const value: unknown = relation.getEntityValue(entity);
        for (const related of [value].flat() as (ObjectLiteral | null | undefined)[]) {
          if (typeof related !== 'object' || related === null) continue;
          this.watch(related, inverseEntityMetadata.findInheritanceMetadata(related), tree, [...path, ...names]);
        }
        continue;
      }
      const owner = names
        .slice(0, -1)
        .reduce<ObjectLiteral | undefined>((object, name) => object?.[name] as ObjectLiteral | undefined, entity);
      if (owner) this.guard(owner, relation.propertyName, [...path, ...names].join('.'));
    }
  }

  private guard(owner: ObjectLiteral, property: string, path: string): void {
    Object.defineProperty(owner, property, {
      configurable: true,
      get: () => {
        this.missing.add(path);
        throw new TypeError(`The relation "${path}" is not loaded.`);
      },
      set: (value: unknown) => {
        Object.defineProperty(owner, property, { value, writable: true, configurable: true });
      },
    });
  }
}

export function addRelation(tree: RelationTree, path: string): void {
  for (const name of path.split('.')) tree = tree[name] ??= {};
}
