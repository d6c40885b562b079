import { afterAll, beforeAll, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AfterLoad,
  ChildEntity,
  Column,
  DataSource,
  Entity,
  type EntityManager,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  RelationId,
  TableInheritance,
  VirtualColumn,
} from 'typeorm';
import type { DependentPaths } from '../../lib/index.js';
import { PageCacheTag, PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PostgresServer } from '../support/postgres-server.js';
import { PurgeLog } from '../support/purge-log.js';

@Entity()
class Shelf {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** Everything that a copy of what was written would not have, or would have otherwise. */
@Entity()
@TableInheritance({ column: { type: 'text', name: 'kind' } })
class Item implements DependentPaths {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('int')
  number!: number;

  @Column('date')
  day!: string;

  @Column('text', { select: false, default: 'secret' })
  token!: string;

  @ManyToOne(() => Shelf)
  shelf!: Relation<Shelf>;

  @RelationId((item: Item) => item.shelf)
  shelfId!: number;

  @VirtualColumn({ query: (alias) => `SELECT count(*)::int FROM shelf WHERE id = ${alias}."shelfId"` })
  shelves!: number;

  loaded!: string;

  @AfterLoad()
  load(): void {
    this.loaded = `loaded-${this.number}`;
  }

  dependentPaths(): string[] {
    return [`/${[this.id, this.number, this.day, this.token, this.shelfId, this.shelves, this.loaded].join('/')}`];
  }
}

@ChildEntity()
class Book extends Item {
  @Column('text', { nullable: true })
  isbn!: string | null;

  override dependentPaths(): string[] {
    return [`/books/${this.isbn}`];
  }
}

/** Its key is made of relations and a column. */
@PageCacheTag('lends', { ignoreColumns: ['reminders'] })
@Entity()
class Lend implements DependentPaths {
  @ManyToOne(() => Shelf)
  shelf!: Relation<Shelf>;

  @PrimaryColumn()
  shelfId!: number;

  @ManyToOne(() => Item, { onDelete: 'CASCADE' })
  item!: Relation<Item>;

  @PrimaryColumn('uuid')
  itemId!: string;

  @Column('text')
  reader!: string;

  @Column('int', { default: 0 })
  reminders!: number;

  @ManyToOne(() => Shelf, { nullable: true })
  @JoinColumn({ name: 'placeId' })
  place!: Relation<Shelf> | null;

  @Column('int', { nullable: true })
  placeId!: number | null;

  dependentPaths(): string[] {
    return [`/readers/${this.reader}/${this.item.number}`];
  }
}

let postgres: PostgresServer;
let app: INestApplication;
let manager: EntityManager;
let purges: PurgeLog;
let shelf: Shelf;
beforeAll(async () => {
  postgres = await PostgresServer.start();
  const url = await postgres.createDatabase();
  ({ app } = await startApplication({
    platform: 'express',
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url, entities: [Shelf, Item, Book, Lend], synchronize: true }),
      PageCacheTypeOrmModule.forFeature([Item, Lend]),
    ],
    providers: [PurgeLog],
  }));
  ({ manager } = app.get(DataSource));
  purges = app.get(PurgeLog);
  shelf = await manager.save(manager.create(Shelf, {}));
});
afterAll(async () => {
  await app?.close();
  await postgres?.stop();
});

const ID = 'aaaaaaaa-0000-4000-8000-00000000000';
const item = (last: number, values: object = {}) => ({
  id: `${ID}${last}`,
  number: '007',
  day: new Date(2026, 1, 3, 12),
  shelf,
  ...values,
});
const path = (last: number, number = 7) => `/${ID}${last}/${number}/2026-02-03/secret/${shelf.id}/1/loaded-${number}`;

it('an entity is what the database has stored, whatever was written', async () => {
  await manager.save(Item, item(1, { id: `${ID}1`.toUpperCase() }) as never);
  expect(purges.take()).toEqual([path(1)]);
  await manager.save(Item, { id: `${ID}1`, number: '008' } as never, { reload: false });
  expect(purges.take()).toEqual([path(1), path(1, 8)]);
  await manager.remove(await manager.findOneByOrFail(Item, { id: `${ID}1` }));
  expect(purges.take()).toEqual([path(1, 8)]);
});

it('a trigger has the last word', async () => {
  await manager.query(`
    CREATE FUNCTION hundred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.number := NEW.number + 100; RETURN NEW; END $$;
    CREATE TRIGGER hundred BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION hundred()`);
  await manager.save(Item, item(2) as never);
  await manager.query('DROP FUNCTION hundred CASCADE');
  expect(purges.take()).toEqual([path(2, 107)]);
});

it('a subclass that is written through its base class gives its own paths', async () => {
  await manager.save(manager.create(Book, item(3, { isbn: '1-23' }) as never));
  expect(purges.take()).toEqual(['/books/1-23']);
  await manager.save(Item, { id: `${ID}3`, number: 9 });
  expect(purges.take()).toEqual(['/books/1-23']);
});

it('a key may be composite, and relations part of it', async () => {
  await manager.save(Item, item(4) as never);
  purges.take();
  const lend = await manager.save(manager.create(Lend, { shelf, item: { id: `${ID}4` }, reader: 'ann' } as never));
  expect(purges.take()).toEqual(['/readers/ann/7']);
  await manager.save(Object.assign(lend as Lend, { reader: 'bob' }));
  expect(purges.take()).toEqual(['/readers/ann/7', '/readers/bob/7']);
  await manager.remove(await manager.findOneByOrFail(Item, { id: `${ID}4` }));
  expect(purges.take()).toEqual([path(4), '/readers/bob/7'].toSorted());
  expect(purges.failures).toEqual([]);
});

it('a column that does not count purges nothing, and with others it does', async () => {
  await manager.save(Item, item(5) as never);
  await manager.save(manager.create(Lend, { shelf, item: { id: `${ID}5` }, reader: 'cyd' } as never));
  purges.take();
  const lend = await manager.findOneByOrFail(Lend, { reader: 'cyd' });
  await manager.save(Object.assign(lend, { reminders: 1 }));
  await manager.increment(Lend, { reader: 'cyd' }, 'reminders', 1);
  await manager.update(Lend, { reader: 'cyd' }, { reminders: 5 });
  expect(purges.take()).toEqual([]);
  await manager.save(Object.assign(lend, { reminders: 6, reader: 'dan' }));
  expect(purges.take()).toEqual(['/readers/cyd/7', '/readers/dan/7']);
  await manager.update(Lend, { reader: 'dan' }, { reminders: 7, reader: 'eve' });
  expect(purges.take()).toEqual(['tag:lends']);
  await manager.update(Lend, { reader: 'eve' }, { reminders: 8, place: shelf });
  expect(purges.take()).toEqual(['tag:lends']);
  await manager.update(Lend, { reader: 'eve' }, { reminders: 9, place: null });
  expect(await manager.findOneByOrFail(Lend, { reader: 'eve' })).toMatchObject({ reminders: 9, placeId: null });
  expect(purges.take()).toEqual(['tag:lends']);
});
