import {
  AfterLoad,
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  Generated,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  RelationId,
  TableInheritance,
  VirtualColumn,
} from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import type { Mapping } from './mapping.js';

abstract class WithId {
  @PrimaryGeneratedColumn()
  id!: number;
}

abstract class WithSlug extends WithId {
  @Column('text')
  slug!: string;
}

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

@Entity()
class Dated extends WithId implements DependentPaths {
  @Column('date')
  day!: string;

  dependentPaths() {
    return [`/days/${this.day}`];
  }
}

@Entity()
class Timed extends WithId implements DependentPaths {
  @Column({ type: Date })
  at!: Date;

  dependentPaths() {
    return [`/months/${this.at.toISOString().slice(0, 7)}`];
  }
}

@Entity()
class Numbered extends WithId implements DependentPaths {
  @Column('int')
  number!: number;

  dependentPaths() {
    return [`/numbers/${this.number}`];
  }
}

@Entity()
class Keyed implements DependentPaths {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  slug!: string;

  @Column('uuid')
  key!: string;

  dependentPaths() {
    return [`/keys/${this.id.slice(0, 8)}/${this.key.slice(0, 8)}/${this.slug}`];
  }
}

@Entity()
class Triggered extends WithSlug implements DependentPaths {
  dependentPaths() {
    return [`/triggered/${this.slug}`];
  }
}

@Entity()
class Defaulted extends WithSlug implements DependentPaths {
  @Column('text', { default: 'attic' })
  room!: string;

  @Column('text')
  @Generated('uuid')
  code!: string;

  dependentPaths() {
    return [`/rooms/${this.room}/${this.code.length}/${this.slug}`];
  }
}

@Entity()
class Previewed extends WithId implements DependentPaths {
  @Column('text', { select: false })
  token!: string;

  dependentPaths() {
    return [`/preview/${this.token}`];
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

const pathsOf = (prefix: string, old = 'a', changed = 'b', fresh = 'c') => ({
  old: [prefix + old],
  changed: [prefix + changed],
  fresh: [prefix + fresh],
});
const slugs = { id: { id: 1 }, change: { slug: 'b' }, fresh: { slug: 'c' } };
const UUIDS = { id: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'bbbbbbbb-0000-4000-8000-000000000002' };
const LOWER_CASE = `CREATE TRIGGER lower_slug`;

export const COLUMN_MAPPINGS: readonly Mapping[] = [
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
    name: 'a Date for a date column',
    entities: [Dated],
    seed: [[Dated, { day: '2026-01-15' }]],
    pages: `SELECT '/days/' || CAST(day AS text) AS path, CAST(day AS text) AS body, 'dated' AS tags FROM dated`,
    row: {
      entity: Dated,
      id: { id: 1 },
      change: { day: new Date(2026, 1, 15) },
      fresh: { day: new Date(2026, 2, 15) },
      paths: pathsOf('/days/', '2026-01-15', '2026-02-15', '2026-03-15'),
      tags: ['dated'],
    },
  },
  {
    name: 'a string for a timestamp',
    entities: [Timed],
    seed: [[Timed, { at: new Date('2026-01-15T12:00:00Z') }]],
    pages: `SELECT '/months/' || substr(CAST(at AS text), 1, 7) AS path, CAST(at AS text) AS body, 'timed' AS tags FROM timed`,
    row: {
      entity: Timed,
      id: { id: 1 },
      change: { at: '2026-02-15T12:00:00Z' },
      fresh: { at: '2026-03-15T12:00:00Z' },
      paths: pathsOf('/months/', '2026-01', '2026-02', '2026-03'),
      tags: ['timed'],
    },
  },
  {
    name: "'007' in an int column",
    entities: [Numbered],
    seed: [[Numbered, { number: 6 }]],
    pages: `SELECT '/numbers/' || number AS path, CAST(number AS text) AS body, 'numbered' AS tags FROM numbered`,
    row: {
      entity: Numbered,
      id: { id: 1 },
      change: { number: '007' },
      fresh: { number: '008' },
      paths: pathsOf('/numbers/', '6', '7', '8'),
      tags: ['numbered'],
    },
  },
  {
    name: 'upper-case uuids',
    only: 'postgres',
    entities: [Keyed],
    seed: [[Keyed, { ...UUIDS, slug: 'a' }]],
    pages: `
      SELECT '/keys/' || left(id::text, 8) || '/' || left(key::text, 8) || '/' || slug AS path, slug AS body, 'keyed' AS tags
      FROM keyed`,
    row: {
      entity: Keyed,
      id: { id: UUIDS.id },
      change: { slug: 'b', key: 'CCCCCCCC-0000-4000-8000-000000000003' },
      fresh: { id: 'DDDDDDDD-0000-4000-8000-000000000004', slug: 'c', key: 'EEEEEEEE-0000-4000-8000-000000000005' },
      paths: pathsOf('/keys/', 'aaaaaaaa/bbbbbbbb/a', 'aaaaaaaa/cccccccc/b', 'dddddddd/eeeeeeee/c'),
      tags: ['keyed'],
    },
  },
  {
    name: 'a value that a trigger changes',
    entities: [Triggered],
    setup: {
      postgres: [
        `CREATE FUNCTION lower_slug() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN NEW.slug := lower(NEW.slug); RETURN NEW; END'`,
        `${LOWER_CASE} BEFORE INSERT OR UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION lower_slug()`,
      ],
      sqlite: ['INSERT', 'UPDATE'].map(
        (event) =>
          `${LOWER_CASE}_${event} AFTER ${event} ON triggered BEGIN
             UPDATE triggered SET slug = lower(slug) WHERE id = NEW.id AND slug <> lower(slug);
           END`,
      ),
    },
    seed: [[Triggered, { slug: 'A' }]],
    pages: `SELECT '/triggered/' || slug AS path, slug AS body, 'triggered' AS tags FROM triggered`,
    row: {
      entity: Triggered,
      id: { id: 1 },
      change: { slug: 'B' },
      fresh: { slug: 'C' },
      paths: pathsOf('/triggered/'),
      tags: ['triggered'],
    },
  },
  {
    name: 'values that the database makes',
    entities: [Defaulted],
    seed: [[Defaulted, { slug: 'a', room: 'hall' }]],
    pages: `
      SELECT '/rooms/' || room || '/' || length(CAST(code AS text)) || '/' || slug AS path, slug AS body, 'defaulted' AS tags FROM defaulted`,
    row: {
      entity: Defaulted,
      id: { id: 1 },
      change: { slug: 'b', room: 'attic' },
      fresh: { slug: 'c' },
      paths: pathsOf('/rooms/', 'hall/36/a', 'attic/36/b', 'attic/36/c'),
      tags: ['defaulted'],
    },
  },
  {
    name: 'select: false',
    entities: [Previewed],
    seed: [[Previewed, { token: 'a' }]],
    pages: `SELECT '/preview/' || token AS path, token AS body, 'previewed' AS tags FROM previewed`,
    row: {
      entity: Previewed,
      id: { id: 1 },
      change: { token: 'b' },
      fresh: { token: 'c' },
      paths: pathsOf('/preview/'),
      tags: ['previewed'],
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
