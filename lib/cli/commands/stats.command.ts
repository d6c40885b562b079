import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { type Column, table } from '../print-table.js';
import { type ServerStats, type SiteStats, siteStats, type SubtreeStats } from '../../operations/site-stats.js';
import type { Style } from '../terminal.js';
import { counted, inBytes, inTimeUnits, percent } from '../units.js';

const SUBTREES: readonly Column<SubtreeStats>[] = [
  { title: 'SUBTREE', value: ({ path }) => path },
  { title: 'PAGES', align: 'right', value: ({ pages }) => String(pages) },
  { title: 'READ', align: 'right', value: ({ read, pages }) => percent(read, pages) },
  { title: 'SIZE', align: 'right', value: ({ bytes }) => inBytes(bytes) },
];

const SERVERS: readonly Column<ServerStats>[] = [
  { title: 'MEMCACHED', value: ({ server }) => server },
  { title: 'VERSION', value: ({ version }) => version },
  { title: 'UP', align: 'right', value: ({ uptime }) => inTimeUnits(uptime * 1000) },
  { title: 'HIT RATIO', align: 'right', value: ({ hits, misses }) => percent(hits, hits + misses) },
  { title: 'EVICTIONS', align: 'right', value: ({ evictions }) => String(evictions) },
  { title: 'MEMORY', align: 'right', value: ({ bytes, limit }) => `${inBytes(bytes)} of ${inBytes(limit)}` },
];

/** `nginx-cache stats`: what is stored, and how the servers are. */
export function addStatsCommand(program: Command, cli: Cli): void {
  program
    .command('stats')
    .description('Count the stored pages by subtree, and show hit ratio, evictions and memory of each memcached.')
    .action(async (_: object, command: Command) => {
      const stats = await cli.withSite(command, siteStats);
      cli.result(command, stats, () => asText(stats, cli.style));
    });
}

function asText({ store, pages, bytes, read, subtrees, servers }: SiteStats, style: Style): string {
  const readers = read === undefined ? '' : `, ${percent(read, pages)} of them read`;
  return [
    `${counted(pages, 'page')} in ${store}, ${inBytes(bytes)}${readers}`,
    ...(subtrees.length > 0 ? [table(SUBTREES, subtrees, style)] : []),
    ...(servers.length > 0
      ? [
          table(SERVERS, servers, style),
          'Hits and misses are those of all that read from a memcached, since its start.',
        ]
      : []),
  ].join('\n\n');
}
