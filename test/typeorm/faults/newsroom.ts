import {
  BaseEntity,
  Column,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';

@Entity()
export class Writer implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;

  dependentPaths() {
    return [`/writers/${this.slug}`];
  }
}

@Entity()
export class Topic implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;

  dependentPaths() {
    return [`/topics/${this.slug}`];
  }
}

/** Shown on the pages of its writer and its topics. */
@Entity()
export class Article implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text', { unique: true })
  slug!: string;

  @Column('text', { default: '' })
  text!: string;

  @ManyToOne(() => Writer, { nullable: true })
  writer!: Relation<Writer> | null;

  @ManyToMany(() => Topic)
  @JoinTable()
  topics!: Relation<Topic>[];

  dependentPaths() {
    return [
      `/articles/${this.slug}`,
      ...(this.writer ? [`/writers/${this.writer.slug}`] : []),
      ...this.topics.map(({ slug }) => `/topics/${slug}`),
    ];
  }
}

/** Its `dependentPaths()` asks the database itself, in the style of Active Record. */
@Entity()
export class Counted extends BaseEntity implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;

  async dependentPaths() {
    return [`/counted/${this.slug}`, `/pages/${Math.ceil((await Counted.count()) / 10)}`];
  }
}

@Entity()
export class Club implements DependentPaths {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  slug!: string;

  dependentPaths() {
    return [`/clubs/${this.slug}`];
  }
}

/** A row between two others, whose keys are its own. */
@Entity()
export class Membership implements DependentPaths {
  @PrimaryColumn('uuid')
  clubId!: string;

  @PrimaryColumn('uuid')
  patronId!: string;

  @Column('text')
  role!: string;

  @ManyToOne(() => Club, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'clubId' })
  club!: Relation<Club>;

  @ManyToOne(() => Club, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'patronId' })
  patron!: Relation<Club>;

  dependentPaths() {
    return [`/members/${this.club.slug}/${this.patron.slug}`];
  }
}

export const POSTGRES_ENTITIES = [Writer, Topic, Article, Counted, Club, Membership];
export const SQLITE_ENTITIES = [Writer, Topic, Article, Counted];

export const CLUBS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const;

/** Two writers, two topics, article `a` by `ann` on `x`, article `z` by nobody. */
export const SEED = [
  `INSERT INTO writer (slug) VALUES ('ann'), ('bob')`,
  `INSERT INTO topic (slug) VALUES ('x'), ('y')`,
  `INSERT INTO article (slug, text, "writerId") VALUES ('a', '', 1), ('z', '', NULL)`,
  `INSERT INTO article_topics_topic VALUES (1, 1)`,
  `INSERT INTO counted (slug) VALUES ('c')`,
];
export const CLUB_SEED = [
  `INSERT INTO club VALUES ('${CLUBS[0]}', 'chess'), ('${CLUBS[1]}', 'go')`,
  `INSERT INTO membership VALUES ('${CLUBS[0]}', '${CLUBS[1]}', 'guest')`,
];
