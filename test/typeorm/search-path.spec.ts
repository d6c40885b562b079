import { TypeOrmModule } from '@nestjs/typeorm';
import { Column, DataSource, Entity, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DependentPaths } from '../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PostgresServer } from '../support/postgres-server.js';
import { PurgeLog } from '../support/purge-log.js';

@Entity()
class Item implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  slug!: string;

  dependentPaths(): string[] {
    return [`/items/${this.slug}`];
  }
}

@Entity()
class Offer implements DependentPaths {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Item, { onDelete: 'CASCADE' })
  item!: Relation<Item>;

  dependentPaths(): string[] {
    return [`/offers/${this.id}`];
  }
}

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres?.stop());

/** An item in the schema of everybody and in that of a tenant, with the same id, and an offer of the tenant. */
const TENANT = `
  CREATE SCHEMA tenant; CREATE TABLE tenant.item (LIKE item INCLUDING ALL); CREATE TABLE tenant.offer (LIKE offer INCLUDING ALL);
  ALTER TABLE tenant.offer ADD FOREIGN KEY ("itemId") REFERENCES tenant.item ON DELETE CASCADE;
  INSERT INTO item VALUES (1, 'template'); INSERT INTO tenant.item VALUES (1, 'own'); INSERT INTO tenant.offer VALUES (7, 1)`;

async function start(options: object = {}) {
  const url = await postgres.createDatabase();
  const { app } = await startApplication({
    platform: 'express',
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url, entities: [Item, Offer], synchronize: true, ...options }),
      PageCacheTypeOrmModule.forFeature([Item, Offer]),
    ],
    providers: [PurgeLog],
    logger: false,
  });
  await postgres.query(TENANT, [], url);
  const runner = app.get(DataSource).createQueryRunner();
  return {
    manager: runner.manager,
    purges: app.get(PurgeLog),
    async [Symbol.asyncDispose]() {
      await runner.release();
      await app.close();
    },
  };
}

describe('a connection whose search_path leads to the schema of a tenant', () => {
  it.each(['SET search_path TO tenant', `SELECT set_config('search_path', 'tenant', false)`, `SET SCHEMA 'tenant'`])(
    '%s: changes go by tag, not by the rows that other connections see',
    async (sql) => {
      await using site = await start();
      const { manager, purges } = site;
      await manager.query(sql);
      await manager.save(Item, { id: 1, slug: 'renamed' });
      expect(purges.take()).toEqual(['tag:item']);
      await manager.remove(manager.create(Item, { id: 1 }));
      expect(await manager.count(Offer)).toBe(0);
      expect(purges.take()).toEqual(['tag:item', 'tag:offer']);
      expect(purges.failures.map(({ error }) => String(error))).toEqual([expect.stringContaining('search_path')]);
    },
  );

  it('makes no difference where the entities have a schema', async () => {
    await using site = await start({ schema: 'public' });
    const { manager, purges } = site;
    await manager.query('SET search_path TO tenant');
    await manager.save(Item, { id: 1, slug: 'renamed' });
    expect(purges.take()).toEqual(['/items/renamed', '/items/template']);
    expect(purges.failures).toEqual([]);
  });
});
