import { it } from 'vitest';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Column,
  DataSource,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { DataSourceWatchers, PageCacheTypeOrmModule } from '../../lib/typeorm/index.js';
import { startApplication } from '../support/applications.js';
import { PostgresServer } from '../support/postgres-server.js';
import { QueryLog } from './blog.js';

@Entity()
class BAuthor {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') name!: string;
  dependentPaths() {
    return [`/a/${this.name}`];
  }
}
@Entity()
class BTag {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') name!: string;
  dependentPaths() {
    return [`/t/${this.name}`];
  }
}
@Entity()
class BPost {
  @PrimaryGeneratedColumn() id!: number;
  @Column('text') slug!: string;
  @Column('text') body!: string;
  @ManyToOne(() => BAuthor) author!: Relation<BAuthor>;
  @ManyToMany(() => BTag) @JoinTable() tags!: Relation<BTag>[];
  dependentPaths() {
    return ['/', `/p/${this.slug}`, ...this.author.dependentPaths(), ...this.tags.map((t) => `/t/${t.name}`)];
  }
}

const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
it('bench', { timeout: 120000 }, async () => {
  await using postgres = await PostgresServer.start();
  const url = await postgres.createDatabase();
  const queries = new QueryLog();
  const { app } = await startApplication({
    platform: 'express',
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        entities: [BAuthor, BTag, BPost],
        synchronize: true,
        logging: true,
        logger: queries,
      }),
      PageCacheTypeOrmModule.forRoot(),
    ],
  });
  const ds = app.get(DataSource);
  const m = ds.manager;
  const w = app.get(DataSourceWatchers, { strict: false });
  const author = await m.save(m.create(BAuthor, { name: 'x' }));
  const tags = await m.save([1, 2, 3, 4, 5].map((n) => m.create(BTag, { name: `t${n}` })));
  w.watch(ds, [BPost, BTag, BAuthor]);
  const sub = ds.subscribers[0]!;
  const round = async (n: number) => {
    const posts = Array.from({ length: n }, (_, i) =>
      m.create(BPost, {
        slug: `s${i}`,
        body: 'x'.repeat(500),
        author,
        tags: [tags[i % 5]!, tags[(i + 1) % 5]!, tags[(i + 2) % 5]!],
      }),
    );
    queries.take();
    let t = cpu();
    await m.save(posts);
    const ins = cpu() - t;
    const q = queries.take().length;
    for (const p of posts) p.slug += 'x';
    t = cpu();
    await m.save(posts);
    const upd = cpu() - t;
    const q2 = queries.take().length;
    return { ins, upd, q, q2 };
  };
  for (const n of [1, 1000]) {
    const res: Record<string, any[]> = { with: [], without: [] };
    for (let i = 0; i < 11; i++)
      for (const k of i % 2 ? ['with', 'without'] : ['without', 'with']) {
        if (k === 'with') {
          if (!ds.subscribers.length) ds.subscribers.push(sub);
        } else ds.subscribers.splice(0);
        const r = await round(n);
        if (i > 1) res[k]!.push(r);
      }
    const med = (k: string, f: string) => res[k]!.map((r) => r[f]).sort((a, b) => a - b)[4];
    for (const f of ['ins', 'upd', 'q', 'q2'])
      console.log(
        n,
        f,
        'without',
        med('without', f),
        'with',
        med('with', f),
        'ratio',
        med('with', f) / med('without', f),
      );
  }
  await app.close();
});
