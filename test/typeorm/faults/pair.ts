import { setTimeout as sleep } from 'node:timers/promises';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { expect } from 'vitest';
import { memoryStore } from '../../../lib/index.js';
import { PageCacheTypeOrmModule } from '../../../lib/typeorm/index.js';
import { startApplication } from '../../support/applications.js';
import { PurgeLog } from '../../support/purge-log.js';
import { Article } from './newsroom.js';
import { outcomeOf, type Outcome } from './outcome.js';

/** What is done twice, once without the module and once with it. */
export interface Scenario<Side> {
  /** Whether the module knows beforehand which relations `dependentPaths()` of an article reads. Defaults to true. */
  readonly isLearned?: boolean;
  /** Before the write, with the application running. */
  readonly prepare?: (side: Side) => unknown;
  readonly write: (side: Side) => Promise<unknown>;
  /** How long the write may take, in milliseconds, until it is taken to hang. */
  readonly patience?: number;
}

/** A database with the same rows each time. */
export interface Ground<Side> {
  readonly options: TypeOrmModuleOptions & { readonly entities: readonly (new () => object)[] };
  /** @returns what a scenario is given */
  open(dataSource: DataSource): Side;
  /** All rows, read past the application. */
  rows(side: Side): Promise<unknown>;
  /** When the application has been closed. */
  close?(): Promise<void>;
}

export interface Comparison {
  readonly control: Outcome;
  readonly withModule: Outcome;
  /** Until the application was closed. */
  readonly purged: readonly string[];
}

/** @param ground makes a new one */
export async function compare<Side>(
  scenario: Scenario<Side>,
  ground: () => Promise<Ground<Side>>,
): Promise<Comparison> {
  const control = await run(scenario, await ground(), false);
  const withModule = await run(scenario, await ground(), true);
  return { control: control.outcome, withModule: withModule.outcome, purged: withModule.purged };
}

async function run<Side>(scenario: Scenario<Side>, ground: Ground<Side>, isWatched: boolean) {
  const { isLearned = true, prepare, write, patience } = scenario;
  const { options } = ground;
  const { app } = await startApplication({
    platform: 'express',
    options: { store: memoryStore() },
    imports: [
      TypeOrmModule.forRoot(options),
      ...(isWatched ? [PageCacheTypeOrmModule.forFeature(options.entities)] : []),
    ],
    providers: [PurgeLog],
    logger: false,
  });
  const dataSource = app.get(DataSource);
  const purges = app.get(PurgeLog);
  const purged: string[] = [];
  try {
    const side = ground.open(dataSource);
    if (isLearned) await dataSource.manager.save(Article, { id: 2, text: 'learned' });
    await prepare?.(side);
    purges.take();
    const outcome = await outcomeOf(
      () => write(side),
      () => ground.rows(side),
      patience,
    );
    return { outcome, purged };
  } finally {
    // What hangs holds its connection.
    await Promise.race([app.close(), sleep(30_000, undefined, { ref: false })]);
    purged.push(...purges.take());
    await ground.close?.();
  }
}

/** The module makes no difference to the write, nothing that was written is stale, and what was not written purges nothing. */
export function expectSame(
  { control, withModule, purged }: Comparison,
  stale: readonly string[],
  tag = 'article',
): void {
  expect(withModule).toEqual(control);
  if (!control.isChanged) expect(purged).toEqual([]);
  else if (!purged.includes(`tag:${tag}`)) expect(purged).toEqual(expect.arrayContaining([...stale]));
}
