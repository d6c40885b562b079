import { expect, it } from 'vitest';
import { memoryStore } from '../../lib/index.js';
import { RecentPurges } from '../../lib/publishing/recent-purges.js';
import { PageStorage } from '../../lib/stores/page-storage.js';
import { Placement } from '../../lib/stores/placement.js';
import { context } from '../stores/pages.js';

it('purges are found on the servers of the moment', async () => {
  const [before, after] = [memoryStore().open(context), memoryStore().open(context)];
  const storage = new PageStorage({ on: () => {} } as never, before, context.prefix, () => {});
  const purges = new RecentPurges(storage);
  const scope = { kind: 'tags' as const, tags: ['posts'] };
  try {
    await purges.next();
    storage.replace(new Placement(after, context.prefix), undefined);
    await purges.next();
    await after.journal.append(scope);
    // What is found is given with the next call: its pages may not be deleted before.
    expect(await purges.next()).toEqual([]);
    expect(await purges.next()).toEqual([scope]);
    expect(await purges.next()).toEqual([]);
  } finally {
    await Promise.all([before, after].map(({ keyv }) => keyv.disconnect()));
  }
});
