import type { Server } from 'node:http';
import { Controller, Inject, Param, Post } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { memcachedStore } from '../../lib/index.js';
import { PendingPurges } from '../../lib/purging/pending-purges.js';
import { MemcachedServer } from '../../lib/testing/index.js';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { CollectedLogger } from '../support/collected-logger.js';
import { Author, BlogController, ENTITIES } from './blog.js';
import { Gate } from '../support/gate.js';
import { answer } from '../support/site.js';
import { PageLog } from '../support/page-log.js';

let gate: Gate;

@Controller()
class RenamingController {
  constructor(@Inject(DataSource) private readonly source: DataSource) {}

  @Post('renamed/:id')
  async rename(@Param('id') id: string) {
    await gate.pass();
    await this.source.manager.save(Author, { id: Number(id), name: 'bob' });
  }
}

async function start(memcached: MemcachedServer, logger: CollectedLogger) {
  const { app, url } = await startApplication({
    platform: 'express',
    logger,
    options: { store: memcachedStore({ servers: memcached.address }) },
    imports: [
      TypeOrmModule.forRoot({ type: 'sqljs', entities: ENTITIES, synchronize: true }),
      PageCacheTypeOrmModule.forFeature([Author]),
    ],
    controllers: [BlogController, RenamingController],
    providers: [PageLog],
  });
  const { manager } = app.get(DataSource);
  const author = await manager.save(manager.create(Author, { name: 'ann' }));
  const log = app.get(PageLog);
  // On a busy machine, the purge of what was saved may still be under way.
  const outcome = async () => {
    log.forget();
    await answer(`${url}/authors/ann`);
    return log.outcome('/authors/ann');
  };
  await expect.poll(outcome).toBe('stored');
  return { app, url, manager, author };
}

describe('app.close() while memcached does not answer', () => {
  it('waits for the purge of what was saved before', async () => {
    await using memcached = await MemcachedServer.start();
    const logger = new CollectedLogger();
    const { app, manager, author } = await start(memcached, logger);
    expect((await memcached.keys()).some((key) => key.endsWith('/authors/ann'))).toBe(true);
    memcached.pause();
    await manager.save(Author, { id: author.id, name: 'bob' });
    // The first attempt has failed.
    await expect.poll(() => app.get(PendingPurges).size).toBeGreaterThan(0);
    const closed = app.close();
    memcached.resume();
    await closed;
    expect((await memcached.keys()).some((key) => key.endsWith('/authors/ann'))).toBe(false);
    expect(logger.lines.join('\n')).not.toContain('Shutting down with');
  });

  it('waits no longer than two seconds, and tells what remains', async () => {
    await using memcached = await MemcachedServer.start();
    const logger = new CollectedLogger();
    const { app, manager, author } = await start(memcached, logger);
    memcached.pause();
    await manager.save(Author, { id: author.id, name: 'bob' });
    const begin = performance.now();
    await app.close();
    const duration = performance.now() - begin;
    memcached.resume();
    expect(duration).toBeGreaterThan(1500);
    expect(duration).toBeLessThan(6000);
    expect(logger.lines.join('\n')).toMatch(/Shutting down with \d purges .*\/authors\/ann, \/authors\/bob/);
  });
});

it('app.close() waits for a request that saves, and for its purge', async () => {
  await using memcached = await MemcachedServer.start();
  const logger = new CollectedLogger();
  const { app, url, author } = await start(memcached, logger);
  gate = new Gate();
  const visitor = answer(`${url}/renamed/${author.id}`, { method: 'POST', headers: { connection: 'close' } });
  await gate.reached;
  const closed = app.close();
  // Nest closes the server after every `onModuleDestroy()`.
  const server = app.getHttpServer() as Server;
  await expect.poll(() => server.listening).toBe(false);
  gate.open();
  await closed;
  expect((await visitor).code).toBe(201);
  expect((await memcached.keys()).filter((key) => key.includes('/authors/'))).toEqual([]);
  expect(logger.lines).toEqual([]);
});
