// What the TypeORM integration costs: saving 1 and 1,000 posts with an author and three tags, with and without it, side by side, on
// PostgreSQL (for which the environment variable POSTGRES_URL names an empty database) and on SQLite in memory.
//
//   npx tsc -p tsconfig.build.json && POSTGRES_URL=postgres://postgres@127.0.0.1/bench node bench/typeorm.mjs
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import { DataSource, EntitySchema } from 'typeorm';
import { memoryStore, NginxCacheModule } from '../dist/index.js';
import { PageCacheTypeOrmModule } from '../dist/typeorm/index.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 7);

class Author {
  dependentPaths() {
    return [`/authors/${this.slug}`];
  }
}

class Tag {
  dependentPaths() {
    return [`/tags/${this.slug}`];
  }
}

class Post {
  dependentPaths() {
    return [`/posts/${this.slug}`, `/authors/${this.author.slug}`, ...this.tags.map(({ slug }) => `/tags/${slug}`)];
  }
}

const columns = { id: { type: 'int', primary: true, generated: true }, slug: { type: 'text' } };
const ENTITIES = [
  new EntitySchema({ name: 'Author', target: Author, columns }),
  new EntitySchema({ name: 'Tag', target: Tag, columns }),
  new EntitySchema({
    name: 'Post',
    target: Post,
    columns,
    relations: {
      author: { type: 'many-to-one', target: 'Author' },
      tags: { type: 'many-to-many', target: 'Tag', joinTable: true },
    },
  }),
];

/** Counts the statements of one application. */
class Queries {
  count = 0;
  logQuery() {
    this.count += 1;
  }
  logQueryError() {}
  logQuerySlow() {}
  logSchemaBuild() {}
  logMigration() {}
  log() {}
}

async function start(connection, isWatched) {
  const queries = new Queries();
  class BenchModule {}
  const application = await NestFactory.createApplicationContext({
    module: BenchModule,
    imports: [
      NginxCacheModule.forRoot({ store: memoryStore() }),
      TypeOrmModule.forRoot({
        ...connection,
        entities: ENTITIES,
        synchronize: true,
        dropSchema: true,
        logging: true,
        logger: queries,
      }),
      ...(isWatched ? [PageCacheTypeOrmModule.forFeature([Author, Tag, Post])] : []),
    ],
  });
  const { manager } = application.get(DataSource);
  const author = await manager.save(manager.create(Author, { slug: 'ann' }));
  const tags = await manager.save(['a', 'b', 'c'].map((slug) => manager.create(Tag, { slug })));
  let next = 0;
  const create = (count) =>
    Array.from({ length: count }, () => manager.create(Post, { slug: `p${(next += 1)}`, author, tags }));
  return { application, manager, queries, create };
}

/** @returns milliseconds and statements of one `save()` */
async function measure({ manager, queries }, posts) {
  queries.count = 0;
  const start = performance.now();
  await manager.save(posts);
  const time = performance.now() - start;
  // What is purged after that counts as well.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { time, count: queries.count };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const cell = (value) => String(value).padStart(10);

async function compare(database, connection) {
  for (const [what, count] of [
    ['new ones', 1],
    ['changes of', 1],
    ['new ones', 1000],
    ['changes of', 1000],
  ]) {
    const results = { without: [], with: [] };
    const sides = [];
    for (const name of ['without', 'with']) {
      const side = await start(connection(name), name === 'with');
      // The first save() teaches the module which relations are needed.
      for (let warm = 0; warm < 3; warm += 1) await measure(side, side.create(count));
      sides.push([name, side]);
    }
    // By turns, so that a busy machine is busy for both.
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, side] of sides) {
        let posts = side.create(count);
        if (what === 'changes of') {
          await side.manager.save(posts);
          // Without their tags: for 1,000 of them, TypeORM's own query is too deep for SQLite.
          posts = posts.map(({ id, slug }) => side.manager.create(Post, { id, slug: `${slug}-2` }));
        }
        results[name].push(await measure(side, posts));
      }
    }
    for (const [, { application }] of sides) await application.close();
    const [plain, watched] = ['without', 'with'].map((name) => ({
      time: median(results[name].map(({ time }) => time)),
      count: median(results[name].map((one) => one.count)),
    }));
    const figures = [
      plain.time.toFixed(1),
      watched.time.toFixed(1),
      `${(watched.time / plain.time).toFixed(2)} x`,
      plain.count,
      watched.count,
    ];
    console.log(`${`${database}: ${count} ${what}`.padEnd(32)}${figures.map(cell).join('')}`);
  }
}

Logger.overrideLogger(false);
console.log(
  `${`medians of ${ROUNDS} rounds`.padEnd(32)}${['ms without', 'ms with', 'ratio', 'queries', 'with'].map(cell).join('')}`,
);
const url = process.env['POSTGRES_URL'];
if (url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const name of ['without', 'with']) await client.query(`CREATE SCHEMA IF NOT EXISTS bench_${name}`);
  await client.end();
  await compare('PostgreSQL', (name) => ({ type: 'postgres', url, schema: `bench_${name}` }));
} else {
  console.log('PostgreSQL: POSTGRES_URL is not set');
}
await compare('SQLite', () => ({ type: 'sqljs' }));
