import { DeleteDateColumn, Entity, JoinTable, ManyToMany, ManyToOne, OneToMany, type Relation } from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { type Mapping, byTag, exactly, exactlyButInMemory } from './mapping.js';
import { WithSlug } from './with-slug.js';

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

const labels = (...ids: number[]) => ({ labels: ids.map((id) => ({ id })) });

export const TO_MANY_MAPPINGS: readonly Mapping[] = [
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
];
