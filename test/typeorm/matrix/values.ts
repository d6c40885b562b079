import { Column, Entity, Generated, PrimaryColumn } from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { type Mapping, pathsOf } from './mapping.js';
import { WithId, WithSlug } from './with-slug.js';

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

const UUIDS = { id: 'aaaaaaaa-0000-4000-8000-000000000001', key: 'bbbbbbbb-0000-4000-8000-000000000002' };
const LOWER_CASE = `CREATE TRIGGER lower_slug`;

/** Values that the database has otherwise than they were written. */
export const VALUE_MAPPINGS: readonly Mapping[] = [
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
];
