import {
  AfterLoad,
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  ManyToOne,
  PrimaryColumn,
  type Relation,
  RelationId,
  TableInheritance,
  VirtualColumn,
} from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { type Mapping, pathsOf, slugs } from './mapping.js';
import { WithId, WithSlug } from './with-slug.js';

@Entity()
class Plain extends WithSlug implements DependentPaths {
  @DeleteDateColumn()
  deletedAt!: Date | null;

  dependentPaths() {
    return [`/plain/${this.slug}`];
  }
}

@Entity()
class Category extends WithSlug {}

@Entity()
class Item extends WithSlug implements DependentPaths {
  @ManyToOne(() => Category)
  category!: Relation<Category>;

  @RelationId((item: Item) => item.category)
  categoryId!: number;

  dependentPaths() {
    return [`/categories/${this.categoryId}/${this.slug}`];
  }
}

@Entity()
class Computed extends WithSlug implements DependentPaths {
  @VirtualColumn({ query: (alias) => `SELECT upper(${alias}."slug")` })
  title!: string;

  dependentPaths() {
    return [`/computed/${this.title}`];
  }
}

@Entity()
class Loaded extends WithSlug implements DependentPaths {
  url?: string;

  @AfterLoad()
  setUrl() {
    this.url = `/loaded/${this.slug}`;
  }

  dependentPaths() {
    return [String(this.url)];
  }
}

@Entity()
@TableInheritance({ column: { type: 'text', name: 'type' } })
class Content extends WithSlug implements DependentPaths {
  dependentPaths() {
    return [`/contents/${this.slug}`];
  }
}

@ChildEntity()
class Article extends Content {
  override dependentPaths() {
    return [...super.dependentPaths(), `/articles/${this.slug}`];
  }
}

class Address {
  @Column('text')
  city!: string;
}

@Entity()
class Person extends WithId implements DependentPaths {
  @Column(() => Address)
  address!: Address;

  dependentPaths() {
    return [`/cities/${this.address.city}`];
  }
}

@Entity()
class Seat implements DependentPaths {
  @PrimaryColumn('int')
  line!: number;

  @PrimaryColumn('int')
  place!: number;

  @Column('text')
  slug!: string;

  dependentPaths() {
    return [`/seats/${this.line}-${this.place}/${this.slug}`];
  }
}

/** What a class has besides columns of its own, or in place of them. */
export const CLASS_MAPPINGS: readonly Mapping[] = [
  {
    name: 'plain',
    entities: [Plain],
    seed: [[Plain, { slug: 'a' }]],
    pages: `SELECT '/plain/' || slug AS path, slug AS body, 'plain' AS tags FROM plain WHERE "deletedAt" IS NULL`,
    row: { entity: Plain, ...slugs, paths: pathsOf('/plain/'), tags: ['plain'] },
  },
  {
    name: '@RelationId',
    entities: [Item, Category],
    watched: [Item],
    seed: [
      [Category, { slug: 'x' }],
      [Category, { slug: 'y' }],
      [Item, { slug: 'a', category: { id: 1 } }],
    ],
    pages: `SELECT '/categories/' || "categoryId" || '/' || slug AS path, slug AS body, 'item' AS tags FROM item`,
    row: {
      entity: Item,
      id: { id: 1 },
      change: { slug: 'b', category: { id: 2 } },
      fresh: { slug: 'c', category: { id: 2 } },
      paths: pathsOf('/categories/', '1/a', '2/b', '2/c'),
      tags: ['item'],
    },
  },
  {
    name: '@VirtualColumn',
    entities: [Computed],
    seed: [[Computed, { slug: 'a' }]],
    pages: `SELECT '/computed/' || upper(slug) AS path, slug AS body, 'computed' AS tags FROM computed`,
    row: { entity: Computed, ...slugs, paths: pathsOf('/computed/', 'A', 'B', 'C'), tags: ['computed'] },
  },
  {
    name: '@AfterLoad',
    entities: [Loaded],
    seed: [[Loaded, { slug: 'a' }]],
    pages: `SELECT '/loaded/' || slug AS path, slug AS body, 'loaded' AS tags FROM loaded`,
    row: { entity: Loaded, ...slugs, paths: pathsOf('/loaded/'), tags: ['loaded'] },
  },
  {
    name: 'single-table inheritance, through the base class',
    entities: [Content, Article],
    watched: [Content],
    seed: [[Article, { slug: 'a' }]],
    pages: `
      SELECT '/contents/' || slug AS path, slug AS body, 'content' AS tags FROM content
      UNION ALL SELECT '/articles/' || slug, slug, 'article' FROM content WHERE type = 'Article'`,
    row: {
      entity: Content,
      ...slugs,
      paths: { old: ['/articles/a', '/contents/a'], changed: ['/articles/b', '/contents/b'], fresh: ['/contents/c'] },
      tags: ['article', 'content'],
    },
  },
  {
    name: 'embedded',
    entities: [Person],
    seed: [[Person, { address: { city: 'a' } }]],
    pages: `SELECT '/cities/' || "addressCity" AS path, "addressCity" AS body, 'person' AS tags FROM person`,
    row: {
      entity: Person,
      id: { id: 1 },
      change: { address: { city: 'b' } },
      fresh: { address: { city: 'c' } },
      paths: pathsOf('/cities/'),
      tags: ['person'],
    },
  },
  {
    name: 'composite key',
    entities: [Seat],
    seed: [[Seat, { line: 1, place: 2, slug: 'a' }]],
    pages: `SELECT '/seats/' || line || '-' || place || '/' || slug AS path, slug AS body, 'seat' AS tags FROM seat`,
    row: {
      entity: Seat,
      id: { line: 1, place: 2 },
      change: { slug: 'b' },
      fresh: { line: 2, place: 2, slug: 'c' },
      paths: pathsOf('/seats/', '1-2/a', '1-2/b', '2-2/c'),
      tags: ['seat'],
    },
  },
];
