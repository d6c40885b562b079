import { describe, expect, it } from 'vitest';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  ChildEntity,
  Column,
  DataSource,
  Entity,
  EntitySchema,
  PrimaryGeneratedColumn,
  TableInheritance,
} from 'typeorm';
import { type DependentPaths, memoryStore, NginxCacheConfigError, NginxCacheModule } from '../../lib/index.js';
import { DataSourceWatchers, PageCacheTag, pageCacheTagOf, PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { PurgeLog } from '../support/purge-log.js';
import { Author, Comment, ENTITIES, Post, startBlog, Tag } from './blog.js';

@PageCacheTag('settings', { automatic: false })
@Entity()
class BlogSetting {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  value!: string;
}

const Banner = new EntitySchema<{ id: number; text: string }>({
  name: 'Banner',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: 'text' } },
});

@Entity()
@TableInheritance({ column: { type: 'text', name: 'type' } })
class Content implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;

  dependentPaths(): string[] {
    return [`/${this.slug}`];
  }
}

@ChildEntity()
class Article extends Content {
  override dependentPaths(): string[] {
    return [...super.dependentPaths(), '/articles'];
  }
}

@Module({ imports: [PageCacheTypeOrmModule.forFeature([Author])] })
class AuthorsModule {}

@Module({ imports: [PageCacheTypeOrmModule.forFeature([BlogSetting, Banner])] })
class SettingsModule {}

@Module({ imports: [PageCacheTypeOrmModule.forFeature([BlogSetting], 'second')] })
class SecondModule {}

const database = { type: 'sqljs' as const, synchronize: true, entities: [...ENTITIES, BlogSetting, Banner] };

describe('PageCacheTypeOrmModule', () => {
  it('watches the entities of several modules and data sources, and nothing else', async () => {
    const module = await Test.createTestingModule({
      imports: [
        NginxCacheModule.forRoot({ store: memoryStore() }),
        TypeOrmModule.forRoot(database),
        TypeOrmModule.forRoot({ ...database, name: 'second' } as never),
        AuthorsModule,
        SettingsModule,
        SecondModule,
      ],
      providers: [PurgeLog],
    }).compile();
    const app = await module.createNestApplication().init();
    const purges = app.get(PurgeLog);
    const [first, second] = [getDataSourceToken(), getDataSourceToken('second')].map((token) =>
      app.get<DataSource>(token),
    ) as [DataSource, DataSource];

    await first.manager.save(Author, { name: 'ann' });
    expect(purges.take()).toEqual(['/authors/ann']);
    await first.manager.save(BlogSetting, { value: 'x' });
    expect(purges.take()).toEqual(['tag:settings']);
    await first.manager.save(Banner, { text: 'x' });
    expect(purges.take()).toEqual(['tag:banner']);
    await first.manager.save(Tag, { name: 'not watched' });
    expect(purges.take()).toEqual([]);
    await second.manager.save(BlogSetting, { value: 'x' });
    expect(purges.take()).toEqual(['tag:settings']);
    await second.manager.save(Author, { name: 'not watched here' });
    expect(purges.take()).toEqual([]);

    expect([first.subscribers.length, second.subscribers.length]).toEqual([1, 1]);
    await app.close();
    expect([first.subscribers.length, second.subscribers.length]).toEqual([0, 0]);
  });

  it('watches data sources that are made while the application runs', async () => {
    const module = await Test.createTestingModule({
      imports: [NginxCacheModule.forRoot({ store: memoryStore() }), PageCacheTypeOrmModule.forRoot()],
      providers: [PurgeLog],
    }).compile();
    const app = await module.createNestApplication().init();
    const watchers = app.get(DataSourceWatchers, { strict: false });
    const purges = app.get(PurgeLog);
    const tenant = await new DataSource({ ...database }).initialize();
    watchers.watch(tenant, [Author]);
    const ann = await tenant.manager.save(Author, { name: 'ann' });
    expect(purges.take()).toEqual(['/authors/ann']);
    expect(() => watchers.watch(tenant, [Content])).toThrow('No metadata for "Content" was found.');
    watchers.unwatch(tenant);
    await tenant.manager.save(Author, Object.assign(ann, { name: 'bob' }));
    expect(purges.take()).toEqual([]);
    await tenant.destroy();
    await app.close();
  });

  it('watches a data source again that has been destroyed and initialized, with all of its entities', async () => {
    const module = await Test.createTestingModule({
      imports: [
        NginxCacheModule.forRoot({ store: memoryStore() }),
        TypeOrmModule.forRoot(database),
        PageCacheTypeOrmModule.forFeature([Author]),
      ],
      providers: [PurgeLog],
    }).compile();
    const app = await module.createNestApplication().init();
    const dataSource = app.get(DataSource);
    const purges = app.get(PurgeLog);
    await dataSource.manager.save(Author, { name: 'ann' });
    expect(purges.take()).toEqual(['/authors/ann']);
    await dataSource.destroy();
    await dataSource.initialize();
    const watchers = app.get(DataSourceWatchers, { strict: false });
    for (const entities of [[BlogSetting], []]) {
      watchers.watch(dataSource, entities);
      expect(dataSource.subscribers).toHaveLength(1);
      const ann = await dataSource.manager.save(Author, { name: 'ann' });
      await dataSource.manager.save(Author, { id: ann.id, name: 'bob' });
      await dataSource.manager.save(BlogSetting, { value: 'x' });
      expect(purges.take()).toEqual(['/authors/ann', '/authors/bob', 'tag:settings']);
    }
    await app.close();
    expect(dataSource.subscribers).toEqual([]);
  });

  it('says what to do with a data source that is not initialized', async () => {
    const module = await Test.createTestingModule({
      imports: [
        NginxCacheModule.forRoot(),
        TypeOrmModule.forRoot({ ...database, manualInitialization: true }),
        PageCacheTypeOrmModule.forFeature([Author]),
      ],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await expect(app.init()).rejects.toThrow(
      'The data source must be initialized: call DataSourceWatchers.watch() after dataSource.initialize()',
    );
    await app.close();
  });

  it('watches the subclasses of an entity', async () => {
    const module = await Test.createTestingModule({
      imports: [
        NginxCacheModule.forRoot({ store: memoryStore() }),
        TypeOrmModule.forRoot({ type: 'sqljs', synchronize: true, entities: [Content, Article] }),
        PageCacheTypeOrmModule.forFeature([Content]),
      ],
      providers: [PurgeLog],
    }).compile();
    const app = await module.createNestApplication().init();
    const { manager } = app.get(DataSource);
    const purges = app.get(PurgeLog);
    const article = await manager.save(manager.create(Article, { slug: 'a' }));
    expect(purges.take()).toEqual(['/a', '/articles']);
    const found = await manager.findOneByOrFail(Content, { id: article.id });
    found.slug = 'b';
    await manager.save(found);
    expect(purges.take()).toEqual(['/a', '/articles', '/b']);
    await manager.update(Article, { id: article.id }, { slug: 'c' });
    expect(purges.take()).toEqual(['tag:article', 'tag:content']);
    await manager.remove(manager.create(Content, { id: article.id }));
    expect(purges.take()).toContain('/c');
    await app.close();
  });

  it('says which entity the data source does not have', async () => {
    const module = await Test.createTestingModule({
      imports: [
        NginxCacheModule.forRoot(),
        TypeOrmModule.forRoot({ type: 'sqljs', entities: [] }),
        PageCacheTypeOrmModule.forFeature([Author]),
      ],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await expect(app.init()).rejects.toThrow('No metadata for "Author" was found.');
    await app.close();
  });
});

describe('tags', () => {
  it('are the name of the class, or as @PageCacheTag() says', () => {
    expect([Post, Comment, Tag, BlogSetting, 'Banner'].map((entity) => pageCacheTagOf(entity))).toEqual([
      'post',
      'comment',
      'labels',
      'settings',
      'banner',
    ]);
    expect(() => PageCacheTag('')).toThrow(NginxCacheConfigError);
    expect(() => PageCacheTag('')).toThrow("@PageCacheTag: '' is not possible; it must be a tag");
  });

  it('are put on every page whose handler loads such an entity', async () => {
    await using blog = await startBlog({}, { watched: [Post, Author] });
    const { manager } = blog.dataSource;
    const author = await manager.save(manager.create(Author, { name: 'ann' }));
    await manager.save(manager.create(Post, { slug: 'bees', author, tags: [] }));
    await manager.save(manager.create(Post, { slug: 'wasps', tags: [] }));
    for (const path of ['/posts/bees', '/posts/wasps', '/authors/ann', '/about']) await blog.get(path);
    expect(await blog.pages.purgeTags('author')).toMatchObject({ purged: 2 });
    expect(await blog.pages.has('/posts/wasps')).toBe(true);
    expect(await blog.pages.purgeTags('post')).toMatchObject({ purged: 1 });
    expect(await blog.pages.has('/about')).toBe(true);
  });
});
