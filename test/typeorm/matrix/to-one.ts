import { Column, Entity, JoinColumn, ManyToOne, OneToOne, PrimaryColumn, type Relation } from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { type Mapping, byTag, exactly } from './mapping.js';
import { WithSlug } from './with-slug.js';

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

export const TO_ONE_MAPPINGS: readonly Mapping[] = [
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
