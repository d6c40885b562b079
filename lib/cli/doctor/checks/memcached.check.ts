import { type Check, type Finding, failed, note, ok } from '../check.js';
import { isOff, wrongClock } from './clock.check.js';

/** The key, the header and the copy of a page need room besides its content; memcached counts them as part of the item. */
const OVERHEAD = 4096;

/** The first version with meta commands, which the journal needs. */
const OLDEST = '1.6.13';

/** Version, size of an item, evictions and the clock. */
export const memcachedCheck: Check = {
  name: 'memcached',
  async run({ storage, options }) {
    const findings = storage.parts.map(async ({ store: { server = '', statistics } }): Promise<Finding[]> => {
      // If it is down, the check of the store says so.
      const asked = Date.now();
      const stats = await statistics?.().catch(() => undefined);
      return stats ? look(server, stats, options.maxPageBytes, asked) : [];
    });
    return (await Promise.all(findings)).flat();
  },
};

function look(address: string, stats: ReadonlyMap<string, string>, maxPageBytes: number, asked: number): Finding[] {
  const version = stats.get('version') ?? '';
  const itemSize = Number(stats.get('item_size_max'));
  const evictions = Number(stats.get('evictions'));
  const difference = Number(stats.get('time')) - Math.round(asked / 1000);
  const findings: Finding[] = [];
  if (version.localeCompare(OLDEST, 'en', { numeric: true }) < 0) {
    findings.push(failed(`${address} is memcached ${version}`, `Install ${OLDEST} or newer.`));
  } else findings.push(ok(`${address} is memcached ${version}`));
  if (itemSize < maxPageBytes + OVERHEAD) {
    const wanted = Math.ceil((maxPageBytes + OVERHEAD) / 2 ** 20);
    findings.push(
      failed(
        `${address} takes items of ${itemSize} bytes, and pages may have ${maxPageBytes} (maxPageBytes)`,
        `Start memcached with -I ${wanted}m, or lower maxPageBytes to ${Math.max(0, itemSize - OVERHEAD)}.`,
      ),
    );
  } else findings.push(ok(`${address} takes the largest page (items of ${itemSize} bytes)`));
  if (evictions > 0) {
    findings.push(
      note(
        `${address} has dropped ${evictions} items to make room`,
        'Give it more memory (-m) if pages are misses too often.',
      ),
    );
  }
  if (isOff(difference)) {
    findings.push(wrongClock(address, difference));
  } else findings.push(ok(`${address} has the time of this machine`));
  return findings;
}
