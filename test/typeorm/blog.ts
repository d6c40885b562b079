import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header, NotFoundException, Param, type Provider } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  Column,
  DataSource,
  DeleteDateColumn,
  Entity,
  JoinTable,
  type Logger,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { type DependentPaths, memoryStore, type NginxCacheOptions, PageCacheService } from '../../lib/index.js';
import { PageCacheTag, PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';
import { PurgeLog } from '../support/purge-log.js';
import { answer } from '../support/site.js';

@Entity()
export class Author implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;

  @OneToMany(() => Post, (post) => post.author)
  posts!: Relation<Post>[];

  /** No relation. */
  dependentPaths(): string[] {
    return [`/authors/${this.name}`];
  }
}

@Entity()
export class Post implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text', { unique: true })
  slug!: string;

  @Column('text', { default: 'untitled' })
  title!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @ManyToOne(() => Author, (author) => author.posts, { nullable: true })
  author!: Relation<Author> | null;

  @OneToMany(() => Comment, (comment) => comment.post)
  comments!: Relation<Comment>[];

  @ManyToMany(() => Tag, (tag) => tag.posts)
  @JoinTable()
  tags!: Relation<Tag>[];

  /** Relations: of the optional one, an unloaded one would look like none. */
  dependentPaths(): string[] {
    return [`/posts/${this.slug}`, '/', ...(this.author?.dependentPaths() ?? []), ...this.tags.map((tag) => tag.path)];
  }
}

@Entity()
export class Comment implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  text!: string;

  @ManyToOne(() => Post, (post) => post.comments, { nullable: true, onDelete: 'CASCADE', lazy: true })
  post!: Promise<Post | null>;

  /** A lazy relation. */
  async dependentPaths(): Promise<string[]> {
    const post = await this.post;
    return [`/comments/${this.id}`, ...(post ? [`/posts/${post.slug}`] : [])];
  }
}

@PageCacheTag('labels')
@Entity()
export class Tag implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  name!: string;

  // What TypeORM 1 does by default.
  @ManyToMany(() => Post, (post) => post.tags, { onDelete: 'CASCADE' })
  posts!: Relation<Post>[];

  get path(): string {
    return `/tags/${this.name}`;
  }

  /** The other side of a many-to-many relation. */
  dependentPaths(): string[] {
    return [this.path, ...this.posts.map((post) => `/posts/${post.slug}`)];
  }
}

export const ENTITIES = [Author, Post, Comment, Tag];

/** Counts what the database is asked. */
export class QueryLog implements Logger {
  readonly queries: string[] = [];
  logQuery(query: string): void {
    this.queries.push(query);
  }
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}

  /** The first words of the queries since the last call. */
  take(): string[] {
    return this.queries.splice(0).map((query) => query.split(' ', 1)[0] ?? '');
  }
}

@Controller()
export class BlogController {
  constructor(private readonly dataSource: DataSource) {}

  @Get('posts/:slug')
  @Header('content-type', 'text/html')
  async post(@Param('slug') slug: string): Promise<string> {
    const relations = { author: true, comments: true, tags: true };
    const post = await this.dataSource.getRepository(Post).findOne({ where: { slug }, relations });
    if (!post) throw new NotFoundException();
    return [
      post.title,
      post.author?.name ?? 'nobody',
      ...post.comments.map(({ text }) => text),
      ...post.tags.map(({ name }) => `#${name}`),
    ].join(' ');
  }

  @Get('authors/:name')
  @Header('content-type', 'text/html')
  async author(@Param('name') name: string): Promise<string> {
    const author = await this.dataSource.getRepository(Author).findOne({ where: { name }, relations: { posts: true } });
    if (!author) throw new NotFoundException();
    return [author.name, ...author.posts.map(({ title }) => title)].join(' ');
  }

  @Get('about')
  @Header('content-type', 'text/html')
  about(): string {
    return 'about';
  }
}

export interface Blog extends AsyncDisposable {
  readonly dataSource: DataSource;
  readonly pages: PageCacheService;
  readonly purges: PurgeLog;
  readonly queries: QueryLog;
  readonly log: PageLog;
  /** The page, as the application answers; a page that may be stored is, when this resolves. */
  get(path: string): Promise<{ code: number; body: string; status: string }>;
  close(): Promise<void>;
}

/** A blog in memory: database and pages. */
export async function startBlog(
  options: NginxCacheOptions = {},
  { providers = [], watched = ENTITIES }: { providers?: Provider[]; watched?: (typeof ENTITIES)[number][] } = {},
): Promise<Blog> {
  const queries = new QueryLog();
  const { app, url } = await startApplication({
    platform: 'express',
    options: { store: memoryStore(), ...options },
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: ENTITIES, synchronize: true, logging: true, logger: queries }),
      PageCacheTypeOrmModule.forFeature(watched),
    ],
    controllers: [BlogController],
    providers: [PageLog, PurgeLog, ...providers],
  });
  const dataSource = app.get<DataSource>(getDataSourceToken());
  // Off by default in sql.js, on in every other database.
  await dataSource.query('PRAGMA foreign_keys = ON');
  queries.take();
  const log = app.get(PageLog);
  const close = () => app.close();
  return {
    dataSource,
    queries,
    log,
    pages: app.get(PageCacheService),
    purges: app.get(PurgeLog),
    async get(path) {
      log.forget();
      const { code, body, status } = await answer(url + path);
      if (status.endsWith('fwd=miss; stored')) {
        const outcome = await Promise.race([log.outcome(path), delay(5000)]);
        if (outcome !== 'stored') throw new Error(`${path} is not stored: ${String(outcome)}`);
      }
      return { code, body: body.toString(), status };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
