import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DataSource } from 'typeorm';
import { CLASS_MAPPINGS } from './classes.js';
import { KEY_MAPPINGS } from './keys.js';
import type { Database, Mapping, Write } from './mapping.js';
import { type Pages, type Site, startSite, usesChosenTypeOrm } from './site.js';
import { TO_MANY_MAPPINGS } from './to-many.js';
import { TO_ONE_MAPPINGS } from './to-one.js';
import { TREE_MAPPINGS } from './trees.js';
import { VALUE_MAPPINGS } from './values.js';
import { type Way, waysToWrite } from './ways.js';

const MAPPINGS = [
  ...CLASS_MAPPINGS,
  ...VALUE_MAPPINGS,
  ...TO_ONE_MAPPINGS,
  ...TO_MANY_MAPPINGS,
  ...TREE_MAPPINGS,
  ...KEY_MAPPINGS,
];

interface MatrixOptions {
  /** What every write is put into. */
  readonly around?: (write: Write) => Write;
  readonly prepareDataSource?: (dataSource: DataSource) => DataSource;
}

/** Every mapping with every way to write, on one database. */
export function matrix(database: Database, { around = (write) => write, prepareDataSource }: MatrixOptions = {}): void {
  const mappings = MAPPINGS.filter(({ only = database }) => only === database);
  let site: Site;
  beforeAll(async () => {
    site = await startSite(database, mappings, prepareDataSource);
  });
  afterAll(() => site?.close());

  it('runs with the TypeORM that was asked for', () => {
    expect(usesChosenTypeOrm()).toBe(true);
  });

  describe.each(mappings)('$name', (mapping) => {
    it.each(writesOf(mapping))('%s', async (_, { prepare, write, purges }) => {
      await site.reset(mapping);
      const { dataSource } = site;
      await prepare?.(dataSource.manager, dataSource);
      site.purges.take();
      const before = await site.render(mapping);
      await around(write)(dataSource.manager, dataSource);
      const after = await site.render(mapping);
      const isExact = !purges.tags || (purges.tagsOn ?? database) !== database;
      const purged: string[] = [];
      // The write waits for the purge, but not for ever: on a busy machine it comes later.
      await vi
        .waitUntil(
          () => {
            purged.push(...site.purges.take());
            const isComplete = !isExact || purges.paths.every((path) => purged.includes(path));
            return isComplete && stale(before, after, purged).length === 0;
          },
          { timeout: 3000, interval: 5 },
        )
        .catch(() => {});
      expect(site.purges.failures.map(({ error }) => error)).toEqual([]);
      expect.soft(stale(before, after, purged), `not purged; purged: ${purged.join(' ')}`).toEqual([]);
      if (isExact) {
        expect(purged.toSorted()).toEqual([...new Set(purges.paths)].toSorted());
      } else {
        const allowed = [...(purges.tags ?? []).map((tag) => `tag:${tag}`), ...purges.paths];
        expect(purged.filter((one) => !allowed.includes(one))).toEqual([]);
      }
    });
  });
}

function writesOf({ row, writes = {}, pages }: Mapping): [string, Way][] {
  return [
    ...Object.entries(row ? waysToWrite(row, { softly: pages.includes('deletedAt') }) : {}),
    ...Object.entries(writes).map(([name, [write, purges]]): [string, Way] => [name, { write, purges }]),
  ];
}

/** Pages that would be rendered differently now, and that nobody has purged. A page that was not there was not stored. */
function stale(before: Pages, after: Pages, purged: readonly string[]): string[] {
  return [...before]
    .filter(([path, { body }]) => body !== after.get(path)?.body)
    .filter(([path, { tags }]) => !purged.includes(path) && !tags.some((tag) => purged.includes(`tag:${tag}`)))
    .map(([path]) => path);
}
