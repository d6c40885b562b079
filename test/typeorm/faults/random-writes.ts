import type { DataSource, EntityManager } from 'typeorm';
import { Article, Topic, Writer } from './newsroom.js';

type IsolationLevel = RandomTransaction['isolation'];

/** What one transaction does: decided beforehand, so that two databases get the same. */
export interface RandomTransaction {
  readonly steps: readonly Step[];
  readonly isolation: 'READ COMMITTED' | 'SERIALIZABLE';
  readonly isRolledBack: boolean;
  /** What goes wrong meanwhile, a number of the test. */
  readonly fault: number;
  /** After which step the sessions are killed, if at all. */
  readonly killedAfter: number | undefined;
}

export interface Step {
  readonly what: (typeof WHAT)[number];
  readonly id: number;
  readonly other: number;
  readonly slug: string;
}

const WHAT = [
  'insert an article',
  'save a new article with topics',
  'rename an article',
  'change its topics',
  'give it a writer',
  'remove an article',
  'delete an article',
  'update a writer',
  'upsert an article',
  'add a topic by the query builder',
  'remove a topic',
  'several at once',
  'nested',
  'nested, rolled back',
  'take a slug that is taken',
  'refer to a writer who is not there',
] as const;

/** Deterministic: mulberry32. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export function randomTransactions(seed: number, count: number): RandomTransaction[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_, at) => ({
    isolation: random(4) === 0 ? 'SERIALIZABLE' : 'READ COMMITTED',
    isRolledBack: random(8) === 0,
    fault: random(12),
    killedAfter: random(20) === 0 ? random(4) : undefined,
    steps: Array.from({ length: 1 + random(4) }, (_, step) => ({
      what: WHAT[random(WHAT.length)] as Step['what'],
      id: 1 + random(40),
      other: 1 + random(5),
      slug: `s${at}-${step}`,
    })),
  }));
}

/** Outside of a transaction when there is one step only, and nothing to roll back. */
export async function perform(
  dataSource: DataSource,
  one: RandomTransaction,
  kill: () => unknown,
  isolation: IsolationLevel = one.isolation,
): Promise<unknown> {
  const { steps, isRolledBack, killedAfter } = one;
  const [only, more] = steps;
  if (only && !more && !isRolledBack && one.isolation === 'READ COMMITTED') return take(dataSource.manager, only);
  return dataSource.transaction(isolation, async (manager) => {
    for (const [at, step] of steps.entries()) {
      await take(manager, step);
      if (at === killedAfter) await kill();
    }
    if (isRolledBack) throw new Error('rolled back');
  });
}

async function take(manager: EntityManager, step: Step): Promise<unknown> {
  const { id, other, slug } = step;
  switch (step.what) {
    case 'insert an article':
      return manager.insert(Article, { slug });
    case 'save a new article with topics':
      return manager.save(manager.create(Article, { slug, writer: { id: 1 }, topics: [{ id: 1 }, { id: 2 }] }));
    case 'rename an article': {
      const article = await manager.findOneBy(Article, { id });
      return article && manager.save(Object.assign(article, { slug }));
    }
    case 'change its topics': {
      const article = await manager.findOne(Article, { where: { id }, relations: { topics: true } });
      if (!article) return undefined;
      const topics = article.topics.length > 0 ? [] : [{ id: 1 + (other % 2) }];
      return manager.save(Object.assign(article, { topics }));
    }
    case 'give it a writer':
      return manager.update(Article, id, { writer: { id: 1 + (other % 2) } });
    case 'remove an article': {
      const article = await manager.findOneBy(Article, { id });
      return article && manager.remove(article);
    }
    case 'delete an article':
      return manager.delete(Article, { id: id + 10 });
    case 'update a writer':
      return manager.save(Writer, { id: 1 + (other % 2), slug });
    case 'upsert an article':
      return manager.upsert(Article, { slug: `upserted-${other}`, text: slug }, ['slug']);
    case 'add a topic by the query builder':
      return manager.createQueryBuilder().relation(Article, 'topics').of(id).add(2);
    case 'remove a topic':
      return manager.delete(Topic, { id: 2 + other });
    case 'several at once':
      return allOf([
        manager.save(manager.create(Topic, { slug })),
        manager.save(Writer, { id: 2, slug }),
        manager.update(Article, id, { text: slug }),
      ]);
    case 'nested':
      return manager.transaction((inner) => inner.save(inner.create(Article, { slug, topics: [{ id: 1 }] })));
    case 'nested, rolled back':
      return manager
        .transaction(async (inner) => {
          await inner.save(inner.create(Article, { slug }));
          throw new Error('rolled back');
        })
        .catch((error: Error) => {
          if (error.message !== 'rolled back') throw error;
        });
    case 'take a slug that is taken':
      return manager.insert(Article, { slug: 'a' });
    case 'refer to a writer who is not there':
      return manager.save(manager.create(Article, { slug, writer: { id: 999 } }));
  }
}

/** Unlike `Promise.all()`, it leaves nothing running when one fails: what that writes would depend on chance. */
async function allOf(writes: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(writes);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
