import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import type { DependentPaths } from '../../../lib/index.js';
import { byTag, exactly, type Mapping } from './mapping.js';
import { WithSlug } from './with-slug.js';

/** Not watched. */
@Entity()
class Nation extends WithSlug {
  @Column('text', { unique: true })
  code!: string;
}

/** Not watched either. Its key contains the one of its nation. */
@Entity()
class Town {
  @PrimaryColumn('text')
  nationCode!: string;

  @PrimaryColumn('text')
  name!: string;

  @ManyToOne(() => Nation, { onUpdate: 'CASCADE' })
  @JoinColumn({ name: 'nationCode', referencedColumnName: 'code' })
  nation!: Relation<Nation>;
}

/** Shows the code of its nation. */
@Entity()
class Street extends WithSlug implements DependentPaths {
  @Column('text')
  nationCode!: string;

  @Column('text')
  townName!: string;

  @ManyToOne(() => Town, { onUpdate: 'CASCADE' })
  @JoinColumn([
    { name: 'nationCode', referencedColumnName: 'nationCode' },
    { name: 'townName', referencedColumnName: 'name' },
  ])
  town!: Relation<Town>;

  dependentPaths() {
    return [`/streets/${this.slug}`];
  }
}

export const KEY_MAPPINGS: readonly Mapping[] = [
  {
    name: 'references that the database changes with their key',
    entities: [Nation, Town, Street],
    watched: [Street],
    seed: [
      [Nation, { slug: 'n', code: 'D' }],
      [Town, { nationCode: 'D', name: 'ulm' }],
      [Street, { slug: 'a', nationCode: 'D', townName: 'ulm' }],
    ],
    pages: `SELECT '/streets/' || slug AS path, "nationCode" || "townName" AS body, 'street' AS tags FROM street`,
    writes: {
      'save() of the nation': [(m) => m.save(Nation, { id: 1, code: 'DE' }), byTag(['street'])],
      'update() of the nation': [(m) => m.update(Nation, 1, { code: 'DE' }), byTag(['street'])],
      'update() of the town': [(m) => m.update(Town, { name: 'ulm' }, { name: 'neu-ulm' }), byTag(['street'])],
      'save() of another column': [(m) => m.save(Nation, { id: 1, slug: 'm' }), exactly()],
      'update() of another column': [(m) => m.update(Nation, 1, { slug: 'm' }), exactly()],
    },
  },
];
