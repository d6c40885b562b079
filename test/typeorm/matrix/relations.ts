import {
  Column,
  DeleteDateColumn,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  JoinColumn,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { byTag, exactly, exactlyButInMemory, type Mapping } from './mapping.js';

abstract class WithSlug {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;
}

/** Its address is made of its labels. */
@Entity()
class Labelled extends WithSlug implements DependentPaths {
  @ManyToMany(() => Label, (label) => label.items)
  @JoinTable()
  labels!: Relation<Label>[];

  dependentPaths() {
    return [`/labelled/${['', ...this.labels.map(({ slug }) => slug).toSorted()].join('+')}/${this.slug}`];
  }
}

@Entity()
class Label extends WithSlug implements DependentPaths {
  @ManyToMany(() => Labelled, (item) => item.labels, { onDelete: 'CASCADE' })
  items!: Relation<Labelled>[];

  dependentPaths() {
    return [`/labels/${this.slug}`];
  }
}

@Entity()
class Shelf extends WithSlug {}

/** Without a shelf it is on another page. */
@Entity()
class Product extends WithSlug implements DependentPaths {
  @ManyToOne(() => Shelf, { nullable: true, onDelete: 'SET NULL' })
  shelf!: Relation<Shelf> | null;

  dependentPaths() {
    return [this.shelf ? `/shelves/${this.shelf.slug}` : '/unshelved'];
  }
}

@Entity()
class Book extends WithSlug implements DependentPaths {
  dependentPaths() {
    return [`/books/${this.slug}`];
  }
}

/** Not watched. */
@Entity()
class Section extends WithSlug {
  @ManyToOne(() => Book, { onDelete: 'CASCADE' })
  book!: Relation<Book>;
}

@Entity()
class Note extends WithSlug implements DependentPaths {
  @ManyToOne(() => Section, { onDelete: 'CASCADE' })
  section!: Relation<Section>;

  dependentPaths() {
    return [`/notes/${this.slug}`];
  }
}

@Entity()
class Basket extends WithSlug implements DependentPaths {
  @OneToMany(() => Fruit, (fruit) => fruit.basket, { cascade: true })
  fruits!: Relation<Fruit>[];

  dependentPaths() {
    return [`/baskets/${this.slug}`];
  }
}

@Entity()
class Fruit extends WithSlug implements DependentPaths {
  @ManyToOne(() => Basket, (basket) => basket.fruits, { orphanedRowAction: 'delete' })
  basket!: Relation<Basket>;

  dependentPaths() {
    return [`/fruits/${this.slug}`, `/baskets/${this.basket.slug}`];
  }
}

@Entity()
class Album extends WithSlug implements DependentPaths {
  @OneToMany(() => Photo, (photo) => photo.album, { cascade: true })
  photos!: Relation<Photo>[];

  dependentPaths() {
    return [`/albums/${this.slug}`];
  }
}

/** Its address is made of what it belongs to. */
@Entity()
class Photo extends WithSlug implements DependentPaths {
  @ManyToOne(() => Album, (album) => album.photos, { nullable: true })
  album!: Relation<Album> | null;

  dependentPaths() {
    return [
      `/photos/${this.album?.slug ?? 'none'}/${this.slug}`,
      ...(this.album ? [`/albums/${this.album.slug}`] : []),
    ];
  }
}

@Entity()
class Inbox extends WithSlug implements DependentPaths {
  @OneToMany(() => Letter, (letter) => letter.inbox, { cascade: true })
  letters!: Relation<Letter>[];

  dependentPaths() {
    return [`/inboxes/${this.slug}`];
  }
}

@Entity()
class Letter extends WithSlug implements DependentPaths {
  @ManyToOne(() => Inbox, (inbox) => inbox.letters, { nullable: true, orphanedRowAction: 'soft-delete' })
  inbox!: Relation<Inbox> | null;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  dependentPaths() {
    return [`/letters/${this.slug}`, ...(this.inbox ? [`/inboxes/${this.inbox.slug}`] : [])];
  }
}

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

@Entity()
class Course implements DependentPaths {
  @PrimaryColumn('text')
  code!: string;

  @Column('text')
  slug!: string;

  dependentPaths() {
    return [`/courses/${this.slug}`];
  }
}

/** A row of a table between two, mapped by hand. */
@Entity()
class Attendance implements DependentPaths {
  @PrimaryColumn('int')
  studentId!: number;

  @PrimaryColumn('text')
  courseCode!: string;

  @Column('text')
  slug!: string;

  @ManyToOne(() => Course, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'courseCode' })
  course!: Relation<Course>;

  dependentPaths() {
    return [`/attendances/${this.course.slug}/${this.studentId}/${this.slug}`];
  }
}

@Entity()
class Account extends WithSlug implements DependentPaths {
  dependentPaths() {
    return [`/accounts/${this.slug}`];
  }
}

@Entity()
class Profile extends WithSlug implements DependentPaths {
  @OneToOne(() => Account, { cascade: ['insert', 'update'] })
  @JoinColumn()
  account!: Relation<Account>;

  dependentPaths() {
    return [`/profiles/${this.account.slug}`];
  }
}

const labels = (...ids: number[]) => ({ labels: ids.map((id) => ({ id })) });

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

export const RELATION_MAPPINGS: readonly Mapping[] = [
  {
    name: 'many-to-many',
    entities: [Labelled, Label],
    seed: [
      [Label, { slug: 'x' }],
      [Label, { slug: 'y' }],
      [Labelled, { slug: 'a', ...labels(1) }],
      [Labelled, { slug: 'plain', labels: [] }],
    ],
    pages: `
      SELECT '/labelled/' || coalesce((
          SELECT string_agg('+' || l.slug, '' ORDER BY l.slug) FROM labelled_labels_label j JOIN label l ON l.id = j."labelId"
          WHERE j."labelledId" = i.id), '') || '/' || i.slug AS path,
        i.slug AS body,
        CASE WHEN EXISTS (SELECT 1 FROM labelled_labels_label j WHERE j."labelledId" = i.id)
          THEN 'labelled,label' ELSE 'labelled' END AS tags
      FROM labelled i
      UNION ALL
      SELECT '/labels/' || l.slug, l.slug || coalesce(i.slug, ''), CASE WHEN i.id IS NULL THEN 'label' ELSE 'label,labelled' END
      FROM label l LEFT JOIN labelled_labels_label j ON j."labelId" = l.id LEFT JOIN labelled i ON i.id = j."labelledId"`,
    writes: {
      'save() with another label': [
        (m) => m.save(Labelled, { id: 1, ...labels(1, 2) }),
        exactlyButInMemory(['labelled', 'label'], '/labelled/+x/a', '/labelled/+x+y/a', '/labels/y'),
      ],
      'save() with one label instead of the other': [
        (m) => m.save(Labelled, { id: 1, ...labels(2) }),
        exactlyButInMemory(['labelled', 'label'], '/labelled/+x/a', '/labelled/+y/a', '/labels/x', '/labels/y'),
      ],
      'save() without labels': [
        (m) => m.save(Labelled, { id: 1, labels: [] }),
        exactly('/labelled/+x/a', '/labelled//a', '/labels/x'),
      ],
      'save() from the other side': [
        (m) => m.save(Label, { id: 2, items: [{ id: 1 }] }),
        exactlyButInMemory(['labelled', 'label'], '/labelled/+x/a', '/labelled/+x+y/a', '/labels/y'),
      ],
      'save() of a new one with labels': [
        (m) => m.save(m.create(Labelled, { slug: 'c', ...labels(1, 2) })),
        exactlyButInMemory(['labelled', 'label'], '/labelled/+x+y/c', '/labels/x', '/labels/y'),
      ],
      'relation().add()': [
        (m) => m.createQueryBuilder().relation(Labelled, 'labels').of(1).add(2),
        byTag(['labelled', 'label'], '/labelled/+x/a', '/labelled/+x+y/a', '/labels/y'),
      ],
      'relation().remove()': [
        (m) => m.createQueryBuilder().relation(Labelled, 'labels').of(1).remove(1),
        byTag(['labelled', 'label'], '/labelled/+x/a', '/labelled//a', '/labels/x'),
      ],
      'relation().addAndRemove()': [
        (m) => m.createQueryBuilder().relation(Labelled, 'labels').of(1).addAndRemove([2], [1]),
        byTag(
          ['labelled', 'label'],
          '/labelled/+x/a',
          '/labelled/+y/a',
          '/labelled/+x+y/a',
          '/labelled//a',
          '/labels/x',
          '/labels/y',
        ),
      ],
      'remove() of a label': [
        async (m) => m.remove(await m.findOneByOrFail(Label, { id: 1 })),
        exactly('/labelled/+x/a', '/labelled//a', '/labels/x'),
      ],
      'delete() of a label': [
        (m) => m.delete(Label, 1),
        byTag(['labelled', 'label'], '/labelled/+x/a', '/labelled//a', '/labels/x'),
      ],
      'remove() of what is labelled': [
        async (m) => m.remove(await m.findOneByOrFail(Labelled, { id: 1 })),
        exactly('/labelled/+x/a', '/labels/x'),
      ],
      'delete() of what is labelled': [
        (m) => m.delete(Labelled, 1),
        byTag(['labelled', 'label'], '/labelled/+x/a', '/labels/x'),
      ],
    },
  },
  {
    name: 'many-to-one with SET NULL',
    entities: [Product, Shelf],
    watched: [Product],
    seed: [
      [Shelf, { slug: 'x' }],
      [Shelf, { slug: 'y' }],
      [Product, { slug: 'a', shelf: { id: 1 } }],
      [Product, { slug: 'z', shelf: null }],
    ],
    pages: `
      SELECT CASE WHEN s.id IS NULL THEN '/unshelved' ELSE '/shelves/' || s.slug END AS path, p.slug AS body, 'product' AS tags
      FROM product p LEFT JOIN shelf s ON s.id = p."shelfId"`,
    row: {
      entity: Product,
      id: { id: 1 },
      change: { slug: 'a', shelf: { id: 2 } },
      fresh: { slug: 'c', shelf: { id: 2 } },
      paths: { old: ['/shelves/x'], changed: ['/shelves/y'], fresh: ['/shelves/y'] },
      tags: ['product'],
    },
    writes: {
      'remove() of the shelf': [
        async (m) => m.remove(await m.findOneByOrFail(Shelf, { id: 1 })),
        exactly('/shelves/x', '/unshelved'),
      ],
      'delete() of the shelf': [(m) => m.delete(Shelf, 1), byTag(['product'], '/shelves/x', '/unshelved')],
      'relation().set()': [
        (m) => m.createQueryBuilder().relation(Product, 'shelf').of(1).set(2),
        byTag(['product'], '/shelves/x', '/shelves/y'),
      ],
    },
  },
  {
    name: 'a cascade through a class that is not watched',
    entities: [Book, Section, Note],
    watched: [Book, Note],
    seed: [
      [Book, { slug: 'x' }],
      [Section, { slug: 's', book: { id: 1 } }],
      [Note, { slug: 'n1', section: { id: 1 } }],
      [Note, { slug: 'n2', section: { id: 1 } }],
    ],
    pages: `
      SELECT '/books/' || slug AS path, slug AS body, 'book' AS tags FROM book
      UNION ALL SELECT '/notes/' || slug, slug, 'note' FROM note`,
    writes: {
      'remove() of the book': [
        async (m) => m.remove(await m.findOneByOrFail(Book, { id: 1 })),
        exactly('/books/x', '/notes/n1', '/notes/n2'),
      ],
      'delete() of the book': [(m) => m.delete(Book, 1), byTag(['book', 'note'], '/books/x', '/notes/n1', '/notes/n2')],
      'remove() of the section': [
        async (m) => m.remove(await m.findOneByOrFail(Section, { id: 1 })),
        exactly('/notes/n1', '/notes/n2'),
      ],
      'delete() of the section': [(m) => m.delete(Section, 1), byTag(['note'], '/notes/n1', '/notes/n2')],
      'delete by query builder': [
        (m) => m.createQueryBuilder().delete().from(Book).where('slug = :slug', { slug: 'x' }).execute(),
        byTag(['book', 'note']),
      ],
    },
  },
  {
    name: "one-to-many with orphanedRowAction 'delete'",
    entities: [Basket, Fruit],
    seed: [[Basket, { slug: 'x', fruits: [{ slug: 'f1' }, { slug: 'f2' }] }]],
    pages: `
      SELECT '/baskets/' || b.slug AS path, b.slug || coalesce(f.slug, '') AS body, 'basket' || CASE WHEN f.id IS NULL THEN '' ELSE ',fruit' END AS tags
      FROM basket b LEFT JOIN fruit f ON f."basketId" = b.id
      UNION ALL SELECT '/fruits/' || slug, slug, 'fruit' FROM fruit`,
    writes: {
      'save() without one of them': [
        (m) => m.save(Basket, { id: 1, fruits: [{ id: 1 }] }),
        byTag(['basket', 'fruit'], '/baskets/x', '/fruits/f2'),
      ],
      'save() with a new one': [
        (m) => m.save(Basket, { id: 1, fruits: [{ id: 1 }, { id: 2 }, { slug: 'f3' }] }),
        byTag(['basket', 'fruit'], '/baskets/x', '/fruits/f3'),
      ],
    },
  },
  {
    name: 'one-to-many, orphans get NULL',
    entities: [Album, Photo],
    seed: [
      [Album, { slug: 'x', photos: [{ slug: 'p1' }, { slug: 'p2' }] }],
      [Album, { slug: 'y', photos: [] }],
    ],
    pages: `
      SELECT '/albums/' || a.slug AS path, a.slug || coalesce(p.slug, '') AS body, 'album' || CASE WHEN p.id IS NULL THEN '' ELSE ',photo' END AS tags
      FROM album a LEFT JOIN photo p ON p."albumId" = a.id
      UNION ALL SELECT '/photos/' || coalesce(a.slug, 'none') || '/' || p.slug, p.slug, 'photo'
      FROM photo p LEFT JOIN album a ON a.id = p."albumId"`,
    writes: {
      'save() without one of them': [
        (m) => m.save(Album, { id: 1, photos: [{ id: 1 }] }),
        byTag(['album', 'photo'], '/albums/x', '/photos/x/p2', '/photos/none/p2'),
      ],
      'save() moves one here': [
        (m) => m.save(Album, { id: 2, photos: [{ id: 1 }] }),
        byTag(['album', 'photo'], '/albums/x', '/albums/y', '/photos/x/p1', '/photos/y/p1'),
      ],
      'relation().add()': [
        (m) => m.createQueryBuilder().relation(Album, 'photos').of(2).add(1),
        byTag(['album', 'photo'], '/albums/x', '/albums/y', '/photos/x/p1', '/photos/y/p1'),
      ],
      'relation().remove()': [
        (m) => m.createQueryBuilder().relation(Album, 'photos').of(1).remove(1),
        byTag(['album', 'photo'], '/albums/x', '/photos/x/p1', '/photos/none/p1'),
      ],
    },
  },
  {
    name: "one-to-many with orphanedRowAction 'soft-delete'",
    entities: [Inbox, Letter],
    seed: [[Inbox, { slug: 'x', letters: [{ slug: 'l1' }, { slug: 'l2' }] }]],
    pages: `
      SELECT '/inboxes/' || i.slug AS path, i.slug || coalesce(l.slug, '') AS body, 'inbox' || CASE WHEN l.id IS NULL THEN '' ELSE ',letter' END AS tags
      FROM inbox i LEFT JOIN letter l ON l."inboxId" = i.id AND l."deletedAt" IS NULL
      UNION ALL SELECT '/letters/' || slug, slug, 'letter' FROM letter WHERE "deletedAt" IS NULL`,
    writes: {
      'save() without one of them': [
        (m) => m.save(Inbox, { id: 1, letters: [{ id: 1 }] }),
        byTag(['inbox', 'letter'], '/inboxes/x', '/letters/l2'),
      ],
    },
  },
  tree(Topic, 'a tree in a closure table', 'topic', false),
  // TypeORM writes the materialized paths by a bulk update.
  tree(Folder, 'a tree of materialized paths', 'folder', true),
  {
    name: 'a join entity with a composite key',
    entities: [Attendance, Course],
    seed: [
      [Course, { code: 'm1', slug: 'maths' }],
      [Attendance, { studentId: 1, courseCode: 'm1', slug: 'a' }],
    ],
    pages: `
      SELECT '/attendances/' || c.slug || '/' || a."studentId" || '/' || a.slug AS path, a.slug AS body, 'attendance,course' AS tags
      FROM attendance a JOIN course c ON c.code = a."courseCode"
      UNION ALL SELECT '/courses/' || slug, slug, 'course' FROM course`,
    row: {
      entity: Attendance,
      id: { studentId: 1, courseCode: 'm1' },
      change: { slug: 'b' },
      fresh: { studentId: 2, courseCode: 'm1', slug: 'c' },
      paths: {
        old: ['/attendances/maths/1/a'],
        changed: ['/attendances/maths/1/b'],
        fresh: ['/attendances/maths/2/c'],
      },
      tags: ['attendance', 'course'],
    },
    writes: {
      'remove() of the course': [
        async (m) => m.remove(await m.findOneByOrFail(Course, { code: 'm1' })),
        exactly('/attendances/maths/1/a', '/courses/maths'),
      ],
    },
  },
  {
    name: 'one-to-one with cascade',
    entities: [Profile, Account],
    seed: [[Profile, { slug: 'p', account: { slug: 'a' } }]],
    pages: `
      SELECT '/profiles/' || a.slug AS path, p.slug AS body, 'profile,account' AS tags FROM profile p JOIN account a ON a.id = p."accountId"
      UNION ALL SELECT '/accounts/' || slug, slug, 'account' FROM account`,
    writes: {
      'save() of a new one with what belongs to it': [
        (m) => m.save(m.create(Profile, { slug: 'q', account: { slug: 'c' } })),
        exactly('/profiles/c', '/accounts/c'),
      ],
      'save() replaces what belongs to it': [
        (m) => m.save(Profile, { id: 1, account: { slug: 'b' } }),
        exactly('/profiles/a', '/profiles/b', '/accounts/b'),
      ],
    },
  },
];
