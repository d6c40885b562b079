import { afterAll, beforeAll, expect, it } from 'vitest';
import { Controller, Get, Header, type INestApplication } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AfterLoad,
  Column,
  DataSource,
  Entity,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
  type SelectQueryBuilder,
} from 'typeorm';
import { memoryStore, PageCacheService } from '../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { answer } from '../support/site.js';

@Entity()
class Reader {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;
}

@Entity()
class Story {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  title!: string;

  /** Mapped by queries. */
  latest?: Remark | null;
  remarks?: Remark[];
  /** The application's own: a circle, and a getter that nobody else may call. */
  self?: Story;

  @AfterLoad()
  load(): void {
    this.self = this;
    const get = () => {
      throw new Error('not loaded');
    };
    Object.defineProperty(this, 'secret', { get, enumerable: true });
  }
}

@Entity()
class Remark {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  text!: string;

  @ManyToOne(() => Story)
  story!: Relation<Story>;

  @ManyToOne(() => Reader)
  reader!: Relation<Reader>;
}

@Controller()
class StoriesController {
  constructor(private readonly dataSource: DataSource) {}

  @Get('plain')
  @Header('content-type', 'text/html')
  plain(): Promise<string> {
    return this.show((query) => query);
  }

  @Get('one')
  @Header('content-type', 'text/html')
  one(): Promise<string> {
    return this.show((query) => query.leftJoinAndMapOne('story.latest', Remark, 'remark', 'remark.storyId = story.id'));
  }

  @Get('many')
  @Header('content-type', 'text/html')
  many(): Promise<string> {
    return this.show((query) =>
      query
        .leftJoinAndMapMany('story.remarks', Remark, 'remark', 'remark.storyId = story.id')
        .leftJoinAndSelect('remark.reader', 'reader'),
    );
  }

  private async show(joined: (query: SelectQueryBuilder<Story>) => SelectQueryBuilder<Story>): Promise<string> {
    const [story] = await joined(this.dataSource.getRepository(Story).createQueryBuilder('story')).getMany();
    const remarks = [story?.latest, ...(story?.remarks ?? [])].flatMap((remark) => remark ?? []);
    return [story?.title, ...remarks.map(({ text, reader }) => text + (reader?.name ?? ''))].join(' ');
  }
}

let app: INestApplication;
let url: string;
beforeAll(async () => {
  ({ app, url } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: [Reader, Story, Remark], synchronize: true }),
      PageCacheTypeOrmModule.forFeature([Reader, Story, Remark]),
    ],
    controllers: [StoriesController],
    providers: [PageLog],
  }));
  const { manager } = app.get(DataSource);
  const reader = await manager.save(Reader, { name: 'ann' });
  const story = await manager.save(Story, { title: 'bees' });
  await manager.save(Remark, { text: 'first', story: { id: story.id }, reader });
});
afterAll(() => app?.close());

it.each([
  ['/plain', 'bees', ['story']],
  ['/one', 'bees first', ['remark', 'story']],
  ['/many', 'bees firstann', ['reader', 'remark', 'story']],
])('%s carries the tags of all entities that its query has loaded, mapped ones included', async (path, body, tags) => {
  expect((await answer(url + path)).body.toString()).toBe(body);
  await app.get(PageLog).outcome(path);
  const found = [];
  for await (const page of app.get(PageCacheService).pages({ under: path })) found.push(page.tags?.toSorted());
  expect(found).toEqual([tags]);
});
