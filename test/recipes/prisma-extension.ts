import { Prisma } from '@prisma/client/extension';
import type { StalePages } from './stale-pages.js';

/** What shows a record; fields that a `select` has left out are missing. */
export type PathsOf = Record<string, (record: Record<string, unknown>) => string[]>;

const READ = /^(find|count|aggregate|groupBy)/;

/** `new PrismaClient({ adapter }).$extends(purgePages(stale, { Post: ({ slug }) => ['/', `/posts/${slug}`] }))` */
export function purgePages(stale: StalePages, pathsOf: PathsOf) {
  return Prisma.defineExtension({
    name: 'purge-pages',
    query: {
      $allModels: {
        async $allOperations({ model, operation, args, query }) {
          // Before the query: a list that is empty shows this model, too.
          if (READ.test(operation)) {
            stale.tag(model);
            return query(args);
          }
          const result: unknown = await query(args);
          // Of many, Prisma gives the number.
          const records = operation.endsWith('Many') ? [] : ([result].flat() as Record<string, unknown>[]);
          const paths = records.flatMap((record) => pathsOf[model]?.(record) ?? []);
          // Prisma does not tell the old values, nor the records of updateMany(): the tag takes their pages.
          await stale.add(paths, [model]);
          return result;
        },
      },
    },
  });
}
