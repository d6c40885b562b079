import { Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  runInTransaction,
  StorageDriver,
} from 'typeorm-transactional';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NoPageCache, PageCacheService } from '../../lib/index.js';
import { PLATFORMS } from '../support/applications.js';
import { PostgresServer } from '../support/postgres-server.js';
import { type Site, startSite } from '../support/site.js';

initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });

/** As typeorm-transactional knows it. */
const CONNECTION = 'default';

@Controller()
class PostsController {
  constructor(
    private readonly pages: PageCacheService,
    private readonly dataSource: DataSource,
  ) {}

  @Get('posts')
  @Header('content-type', 'text/html; charset=utf-8')
  async posts() {
    const posts = await this.dataSource.manager.query<{ title: string }[]>('SELECT title FROM post ORDER BY title');
    return `posts: ${posts.map(({ title }) => title).join()}`;
  }

  @Post('publish')
  @NoPageCache()
  @HttpCode(200)
  publish() {
    return this.inTransaction(() => this.pages.publish('/posts'));
  }

  @Post('refresh')
  @NoPageCache()
  @HttpCode(200)
  refresh() {
    return this.inTransaction(() => this.pages.refresh('/posts'));
  }

  /** @returns what the transaction itself sees, before it is rolled back */
  private async inTransaction(publish: () => Promise<unknown>): Promise<string> {
    let seen = '';
    const transaction = runInTransaction(
      async () => {
        await this.dataSource.manager.query(`INSERT INTO post (title) VALUES ('UNCOMMITTED')`);
        seen = await this.posts();
        await publish();
        throw new Error('rolled back');
      },
      { connectionName: CONNECTION },
    );
    await transaction.catch(() => {});
    return seen;
  }
}

describe.each(PLATFORMS)('what is published inside of a transaction of typeorm-transactional, on %s', (platform) => {
  let postgres: PostgresServer;
  let dataSource: DataSource;
  let site: Site;
  beforeAll(async () => {
    postgres = await PostgresServer.start();
    const url = await postgres.createDatabase();
    dataSource = addTransactionalDataSource({
      name: CONNECTION,
      dataSource: await new DataSource({ type: 'postgres', url }).initialize(),
    });
    await dataSource.query('CREATE TABLE post (title text)');
    await dataSource.query(`INSERT INTO post (title) VALUES ('first')`);
  });
  afterAll(async () => {
    deleteDataSourceByName(CONNECTION);
    await dataSource?.destroy();
    await postgres?.stop();
  });
  beforeEach(async () => {
    const providers = [{ provide: DataSource, useValue: dataSource }];
    site = await startSite({ platform, controllers: [PostsController], providers });
  });
  afterEach(() => site?.stop());

  it.each(['publish', 'refresh'])('%s: visitors get what has been committed', async (way) => {
    await site.app.get(PageCacheService).publish('/posts');
    const { code, body } = await site.direct(`/${way}`, { method: 'POST' });
    expect([code, body.toString()]).toEqual([200, 'posts: UNCOMMITTED,first']);
    const visitor = await site.get('/posts');
    expect([visitor.status, visitor.body.toString()]).toEqual(['nginx; hit', 'posts: first']);
  });
});
