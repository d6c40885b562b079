import { Entity, type Relation, Tree, TreeChildren, TreeParent } from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import type { Mapping } from './mapping.js';
import { WithSlug } from './with-slug.js';

@Entity()
@Tree('closure-table')
class Topic extends WithSlug implements DependentPaths {
  @TreeParent({ onDelete: 'CASCADE' })
  parent!: Relation<Topic> | null;

  @TreeChildren()
  children!: Relation<Topic>[];

  dependentPaths() {
    return [`/topics/${this.slug}`, ...(this.parent ? [`/topics/${this.parent.slug}`] : [])];
  }
}

@Entity()
@Tree('materialized-path')
class Folder extends WithSlug implements DependentPaths {
  @TreeParent({ onDelete: 'CASCADE' })
  parent!: Relation<Folder> | null;

  @TreeChildren()
  children!: Relation<Folder>[];

  dependentPaths() {
    return [`/folders/${this.slug}`, ...(this.parent ? [`/folders/${this.parent.slug}`] : [])];
  }
}

function tree(entity: typeof Topic | typeof Folder, name: string, table: string, goesByTag: boolean): Mapping {
  const prefix = `/${table}s/`;
  return {
    name,
    entities: [entity],
    // TypeORM writes the paths of a tree for parents that it has saved itself.
    seed: [
      [entity, { slug: 'root' }],
      [entity, { slug: 'other' }],
      [entity, { slug: 'a', parent: { id: 1 } }],
    ],
    // A page lists what is below it.
    pages: `
      SELECT '${prefix}' || t.slug AS path, t.slug || coalesce(c.slug, '') AS body, '${table}' AS tags
      FROM ${table} t LEFT JOIN ${table} c ON c."parentId" = t.id`,
    row: {
      entity,
      id: { id: 3 },
      change: { slug: 'b', parent: { id: 2 } },
      fresh: { slug: 'c', parent: { id: 1 } },
      paths: {
        old: [`${prefix}root`, `${prefix}a`],
        changed: [`${prefix}other`, `${prefix}b`],
        fresh: [`${prefix}root`, `${prefix}c`],
      },
      tags: [table],
      goesByTag,
      without: { 'save() without reload': 'TypeORM fails: it needs the id for the path' },
    },
  };
}

export const TREE_MAPPINGS: readonly Mapping[] = [
  tree(Topic, 'a tree in a closure table', 'topic', false),
  // TypeORM writes the materialized paths by a bulk update.
  tree(Folder, 'a tree of materialized paths', 'folder', true),
];
