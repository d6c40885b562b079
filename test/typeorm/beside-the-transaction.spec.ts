import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  BaseEntity,
  Column,
  DataSource,
  Entity,
  type EntityManager,
  type EntitySubscriberInterface,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type QueryRunner,
  type Relation,
} from 'typeorm';
import type { DependentPaths } from '../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PostgresServer } from '../support/postgres-server.js';
import { PurgeLog } from '../support/purge-log.js';
import { QueryLog } from './blog.js';

@Entity()
class Shop implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;

  @OneToMany(() => Shelf, (shelf) => shelf.shop)
  shelves!: Relation<Shelf>[];

  dependentPaths(): string[] {
    return [`/shops/${this.name}`];
  }
}

/** Nobody watches it: what the database deletes along goes through it. */
@Entity()
class Shelf {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Shop, (shop) => shop.shelves, { onDelete: 'CASCADE' })
  shop!: Relation<Shop>;
}

@Entity()
class Label implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;

  @ManyToMany(() => Book, (book) => book.labels)
  books!: Relation<Book>[];

  dependentPaths(): string[] {
    return [`/labels/${this.name}`];
  }
}

/** Its path is named after its labels, and after the shop. */
@Entity()
class Book implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  title!: string;

  @Column('int', { default: 0 })
  views!: number;

  @ManyToOne(() => Shelf, { onDelete: 'CASCADE', nullable: true })
  shelf!: Relation<Shelf> | null;

  @ManyToOne(() => Shop, { onDelete: 'SET NULL', nullable: true })
  seller!: Relation<Shop> | null;

  @ManyToMany(() => Label, (label) => label.books)
  @JoinTable()
  labels!: Relation<Label>[];

  dependentPaths(): string[] {
    const labels = this.labels.map(({ name }) => name).toSorted();
    return [`/${this.seller?.name ?? 'unsold'}/${this.title}`, `/${labels.join('+') || 'unlabelled'}/${this.title}`];
  }
}

/** Asks the database itself. */
@Entity()
class Note extends BaseEntity implements DependentPaths {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  text!: string;

  async dependentPaths(): Promise<string[]> {
    const count = await Note.count();
    return [`/notes/${this.id}`, `/notes/of-${count > 0 ? 'many' : 'none'}`];
  }
}

let postgres: PostgresServer;
let url: string;
let app: INestApplication;
let dataSource: DataSource;
let manager: EntityManager;
let purges: PurgeLog;
const queries = new QueryLog();
beforeAll(async () => {
  postgres = await PostgresServer.start();
  url = await postgres.createDatabase();
  ({ app } = await startApplication({
    platform: 'express',
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        entities: [Shop, Shelf, Label, Book, Note],
        synchronize: true,
        logging: true,
        logger: queries,
        extra: { max: 4 },
      }),
      PageCacheTypeOrmModule.forFeature([Shop, Label, Book, Note]),
    ],
    providers: [PurgeLog],
  }));
  dataSource = app.get(DataSource);
  ({ manager } = dataSource);
  purges = app.get(PurgeLog);
});
afterAll(async () => {
  await app?.close();
  await postgres?.stop();
});

let shop: Shop;
let novel: Label;
let book: Book;
beforeEach(async () => {
  await dataSource.synchronize(true);
  shop = await manager.save(manager.create(Shop, { name: 'corner' }));
  novel = await manager.save(manager.create(Label, { name: 'novel' }));
  book = await manager.save(manager.create(Book, { title: 'emma', seller: shop, labels: [novel] }));
  // So that relations are learned.
  await manager.save(Object.assign(book, { views: 1 }));
  purges.take();
  purges.failures.splice(0);
  queries.take();
});

const EMMA = ['/corner/emma', '/novel/emma'];

describe('the state before and after', () => {
  it('is read beside the transaction, with one query before the commit and one after it', async () => {
    await manager.save(Book, { id: book.id, title: 'persuasion' });
    expect(queries.take()).toEqual(['SELECT', 'START', 'UPDATE', 'SELECT', 'COMMIT', 'SELECT']);
    expect(purges.take()).toEqual([...EMMA, '/corner/persuasion', '/novel/persuasion'].toSorted());
  });

  it('is that of both sides of a link', async () => {
    const classic = await manager.save(manager.create(Label, { name: 'classic' }));
    purges.take();
    await manager.save(Object.assign(book, { labels: [novel, classic] }));
    expect(purges.take()).toEqual([...EMMA, '/classic+novel/emma', '/labels/classic'].toSorted());
    const relation = () => manager.createQueryBuilder().relation(Book, 'labels').of(book);
    const old = await manager.save(manager.create(Label, { name: 'old' }));
    purges.take();
    await relation().add(old);
    // Outside of a transaction there is no moment at which the old state is still there and nobody can change it.
    const now = ['/classic+novel+old/emma', '/corner/emma', '/labels/old'];
    expect(purges.take()).toEqual([...now, 'tag:book', 'tag:label']);
    const rare = await manager.save(manager.create(Label, { name: 'rare' }));
    purges.take();
    await manager.transaction((inside) => inside.createQueryBuilder().relation(Book, 'labels').of(book).add(rare));
    const then = '/classic+novel+old+rare/emma';
    expect(purges.take()).toEqual([then, '/classic+novel+old/emma', '/corner/emma', '/labels/rare']);
  });

  it('is that of rows which lose their reference, and of those that go along through a class nobody watches', async () => {
    const shelf = await manager.save(manager.create(Shelf, { shop }));
    await manager.save(manager.create(Book, { title: 'ulysses', shelf, labels: [novel] }));
    purges.take();
    await manager.remove(shop);
    expect(await manager.find(Book)).toMatchObject([{ title: 'emma' }]);
    expect(purges.take()).toEqual(
      [...EMMA, '/unsold/emma', '/novel/ulysses', '/unsold/ulysses', '/shops/corner', '/labels/novel'].toSorted(),
    );
  });

  it('is the one that others have committed meanwhile', async () => {
    await manager.transaction(async (inside) => {
      const mine = await inside.findOneByOrFail(Book, { id: book.id });
      // Another one renames it between our read and our write.
      await manager.update(Book, { id: book.id }, { title: 'sanditon' });
      purges.take();
      await inside.save(Object.assign(mine, { title: 'persuasion' }));
    });
    expect(purges.take()).toContain('/corner/sanditon');
  });

  it('is not looked for where nothing is known of a row', async () => {
    await manager.delete(Shop, { id: shop.id });
    expect(purges.take()).toEqual(['tag:book', 'tag:label', 'tag:shop']);
  });
});

describe('a write does not fail on our account', () => {
  const titles = async () =>
    (await postgres.query<{ title: string }>('SELECT title FROM book', [], url)).map((row) => row.title);

  it('when what we read is forbidden', async () => {
    await postgres.query(`CREATE ROLE clerk; GRANT ALL ON book, book_labels_label, book_id_seq TO clerk`, [], url);
    await dataSource.query('ALTER ROLE clerk LOGIN');
    const restricted = new DataSource({
      ...dataSource.options,
      url: url.replace('postgres@', 'clerk@'),
      synchronize: false,
    } as never);
    await restricted.initialize();
    const { DataSourceWatchers } = await import('../../lib/typeorm/index.js');
    const watchers = app.get(DataSourceWatchers, { strict: false });
    watchers.watch(restricted, [Shop, Label, Book]);
    try {
      await restricted.manager.save(Book, { id: book.id, title: 'persuasion' });
      expect(await titles()).toEqual(['persuasion']);
      expect(purges.take()).toEqual(['tag:book']);
      expect(purges.failures.splice(0).map(({ error }) => String(error))[0]).toMatch(/permission denied/);
    } finally {
      watchers.unwatch(restricted);
      await restricted.destroy();
      await postgres.query('DROP OWNED BY clerk; DROP ROLE clerk', [], url);
    }
  });

  it('nor waits for ever, when our read waits for its own lock', async () => {
    await manager.transaction(async (inside) => {
      await inside.query('LOCK TABLE book IN ACCESS EXCLUSIVE MODE');
      await inside.save(Book, { id: book.id, title: 'persuasion' });
    });
    expect(await titles()).toEqual(['persuasion']);
    // The new state may be had in time or not: once the transaction has ended, its lock is gone.
    const purged: string[] = [];
    await expect.poll(() => (purged.push(...purges.take()), purged)).toContain('tag:book');
    const failures = () => purges.failures.map(({ error }) => String(error));
    await expect.poll(failures).toContainEqual(expect.stringMatching(/in time/));
    purges.failures.length = 0;
  });

  it('nor exhausts the pool, with queries in dependentPaths()', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `00000000-0000-4000-8000-0000000000${10 + index}`);
    await Promise.all(ids.map((id) => manager.save(manager.create(Note, { id, text: 'new' }))));
    await Promise.all(ids.map((id) => manager.save(Note, { id, text: 'changed' })));
    expect(await manager.countBy(Note, { text: 'changed' })).toBe(12);
    // Each has purged something: the path or the tag.
    await expect.poll(() => purges.take().length).toBeGreaterThan(0);
    // All connections have come back.
    const runners: QueryRunner[] = Array.from({ length: 4 }, () => dataSource.createQueryRunner());
    await Promise.all(runners.map((runner) => runner.connect()));
    await Promise.all(runners.map((runner) => runner.release()));
  });

  it('nor is a change forgotten, when the answer to COMMIT never comes and nobody rolls back', async () => {
    await dataSource.query(`
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON book DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`);
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.save(Book, { id: book.id, title: 'persuasion' });
    await expect(runner.commitTransaction()).rejects.toThrow(/terminat/);
    await runner.release();
    expect(purges.take()).toEqual(EMMA);
    // The pool may give the dead connection once more.
    const drop = () =>
      dataSource.query('DROP FUNCTION die CASCADE').then(
        () => true,
        () => false,
      );
    await expect.poll(drop).toBe(true);
  });

  it('nor by a subscriber before ours that throws', async () => {
    class Grumpy implements EntitySubscriberInterface {
      afterUpdate(): void {
        throw new Error('no');
      }
    }
    const grumpy = new Grumpy();
    // Whoever comes later is asked later, and TypeORM asks nobody after an error.
    dataSource.subscribers.push(grumpy);
    await expect(manager.update(Book, { id: book.id }, { title: 'persuasion' })).rejects.toThrow('no');
    dataSource.subscribers.pop();
    expect(await titles()).toEqual(['persuasion']);
    expect(purges.take()).toEqual(['tag:book']);
  });

  it('and is serializable as often as without us', async () => {
    await postgres.query(`ALTER ROLE postgres SET default_transaction_isolation = 'serializable'`);
    try {
      const serial = new DataSource({ ...dataSource.options, synchronize: false } as never);
      await serial.initialize();
      const books = await serial.manager.save(
        Array.from({ length: 20 }, (_, index) =>
          serial.manager.create(Book, { title: `b${index}`, seller: shop, labels: [novel] }),
        ),
      );
      const { DataSourceWatchers } = await import('../../lib/typeorm/index.js');
      const watchers = app.get(DataSourceWatchers, { strict: false });
      const round = () =>
        Promise.allSettled(books.map((one) => serial.manager.save(Book, { id: one.id, title: `${one.title}!` })));
      const failures = (results: PromiseSettledResult<unknown>[]) =>
        results.filter(({ status }) => status === 'rejected').length;
      const without = failures(await round());
      await serial.query('SELECT 1');
      watchers.watch(serial, [Shop, Label, Book]);
      for (const one of books) one.title += '?';
      const withUs = failures(await round());
      watchers.unwatch(serial);
      await serial.destroy();
      expect({ without, withUs }).toEqual({ without: 0, withUs: 0 });
    } finally {
      await postgres.query('ALTER ROLE postgres RESET default_transaction_isolation');
    }
  });
});
