import { expect, it } from 'vitest';
import type { PageAddress } from '../../lib/page/page-key.js';
import { settle } from '../../lib/publishing/settlement.js';

const ADDRESS: PageAddress = { key: 'page:/a', path: '/a', target: '/a', host: undefined, variants: {} };

/** What becomes of a page for which there is time, and whether it was purged. */
async function settled(reason: string, status = 200) {
  const purged: PageAddress[] = [];
  const purger = {
    one: async (address: PageAddress) => {
      purged.push(address);
      return { purged: 1, targets: [address.target], duration: 0 };
    },
  };
  const result = await settle(ADDRESS, { status, outcome: { stored: false, reason } }, purger, true);
  return { ...result, isPurged: purged.length > 0 };
}

it.each(['purged', 'store-down', 'other-version', 'other-servers', 'shutdown', 'store-failed'])(
  'a page that was not stored by reason of %s stays as it is',
  async (reason) => {
    expect(await settled(reason)).toEqual({ result: 'failed', reason, isPurged: false });
  },
);

it('a page that somebody keeps out goes, and so does one that is not there', async () => {
  expect(await settled('draft')).toEqual({ result: 'skipped', reason: 'draft', isPurged: true });
  expect(await settled('status', 404)).toEqual({ result: 'purged', isPurged: true });
  expect(await settled('status', 500)).toEqual({ result: 'failed', status: 500, isPurged: false });
});
