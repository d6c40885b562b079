import { afterAll, beforeAll, expect, it } from 'vitest';
import type { INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { DependentPaths } from '../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PurgeLog } from '../support/purge-log.js';

class Place {
  @Column('text', { default: 'attic' })
  room!: string;
}

@Entity()
class Shelf implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text', { transformer: { to: (name?: string) => name?.toLowerCase(), from: (name: string) => name } })
  name!: string;

  @Column(() => Place)
  place!: Place;

  @Column({ type: 'text', nullable: true, update: false })
  owner!: string | null;

  dependentPaths(): string[] {
    return [`/${this.place.room}/${this.name}/${this.owner ?? 'nobody'}`];
  }
}

let app: INestApplication;
let dataSource: DataSource;
let purges: PurgeLog;
beforeAll(async () => {
  ({ app } = await startApplication({
    platform: 'express',
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: [Shelf], synchronize: true }),
      PageCacheTypeOrmModule.forFeature([Shelf]),
    ],
    providers: [PurgeLog],
  }));
  dataSource = app.get(DataSource);
  purges = app.get(PurgeLog);
});
afterAll(() => app?.close());

const shelf = (values: object) => dataSource.manager.create(Shelf, values);

it('a value that the database makes is read from it, when TypeORM does not', async () => {
  await dataSource.manager.save(shelf({ id: 7, name: 'books' }), { reload: false });
  expect(purges.take()).toEqual(['/attic/books/nobody', 'tag:shelf']);
});

it('without an id, the tag is all that is known', async () => {
  await dataSource.manager.save(shelf({ name: 'books' }), { reload: false });
  expect(purges.take()).toEqual(['tag:shelf']);
});

it('a value that is written in another form is read as well', async () => {
  const books = await dataSource.manager.save(shelf({ name: 'Books', place: { room: 'hall' } }));
  expect(purges.take()).toEqual(['/hall/books/nobody']);
  books.name = 'Maps';
  books.place.room = 'study';
  await dataSource.manager.save(books);
  expect(purges.take()).toEqual(['/hall/books/nobody', '/study/maps/nobody']);
});

it('a value that is never updated stays as it is', async () => {
  const books = await dataSource.manager.save(shelf({ name: 'books', owner: 'ann' }));
  purges.take();
  books.owner = 'bob';
  books.place.room = 'hall';
  await dataSource.manager.save(books);
  expect(purges.take()).toEqual(['/attic/books/ann', '/hall/books/ann']);
});
