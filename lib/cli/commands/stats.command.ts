import type { Command } from 'commander';
import { parseAccess } from '../../nginx/access-log.js';
import { linesOf } from '../../operations/log/log-lines.js';
import { LogReader, type LogSummary } from '../../operations/log/log-summary.js';
import type { Cli } from '../cli.js';
import { type Column, table } from '../print-table.js';
import { type ServerStats, type SiteStats, siteStats, type SubtreeStats } from '../../operations/site-stats.js';
import { mustBeReadable, readableLog } from '../readable-log.js';
import type { Style } from '../terminal.js';
import { counted, inBytes, inTimeUnits, percent } from '../units.js';
import { wrapped } from '../wrapped.js';

const GETS =
  'GETS FOUND is no hit ratio of pages: it counts every get since memcached was started, of other programs and of the cache itself, too.';

const LOG = "--log FILE takes that of pages from nginx's access log.";

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
  { title: 'GETS FOUND', align: 'right', value: ({ hits, misses }) => percent(hits, hits + misses) },
  { title: 'EVICTIONS', align: 'right', value: ({ evictions }) => String(evictions) },
  { title: 'MEMORY', align: 'right', value: ({ bytes, limit }) => `${inBytes(bytes)} of ${inBytes(limit)}` },
];

const EXAMPLES = `
Examples:
  nginx-cache stats
  nginx-cache stats --log /var/log/nginx/access.log     with the share of requests that were hits`;

/** How many of the requests that nginx has logged were hits. */
type PageHits = Pick<LogSummary, 'requests' | 'hitRatio'>;

/** `nginx-cache stats`: what is stored, and how the servers are doing. */
export function addStatsCommand(program: Command, cli: Cli): void {
  program
    .command('stats')
    .description('Count the stored pages by subtree, and show how each memcached is.')
    .option('--log <file>', "nginx's access log, for the hit ratio of pages (nginx-cache log tells more)")
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async ({ log }: { log?: string }, command: Command) => {
      const logged =
        log === undefined
          ? undefined
          : await hitsIn(await readableLog(log, cli.terminal.cwd, 'nginx-cache stats --log'));
      const stats = await cli.withSite(command, siteStats);
      cli.result(command, { ...stats, ...(logged && { logged }) }, () => asText(stats, logged, cli.style, cli.width));
    });
}

async function hitsIn(file: string): Promise<PageHits> {
  const reader = new LogReader();
  for await (const line of linesOf(file)) reader.add(parseAccess(line));
  const summary = reader.summary(0);
  mustBeReadable(summary);
  const { requests, hitRatio } = summary;
  return { requests, hitRatio };
}

function asText(stats: SiteStats, logged: PageHits | undefined, style: Style, width: number): string {
  const { store, pages, bytes, read, subtrees, servers } = stats;
  const readers = read === undefined ? '' : `, ${percent(read, pages)} of them read since they were stored`;
  return [
    `${counted(pages, 'page')} in ${store}, ${inBytes(bytes)}${readers}`,
    ...(logged
      ? [
          `${percent(logged.hitRatio, 1)} of ${counted(logged.requests, 'GET and HEAD', 'GET and HEAD')} in the log were hits`,
        ]
      : []),
    ...(subtrees.length > 0 ? [table(SUBTREES, subtrees, style)] : []),
    ...(servers.length > 0
      ? [table(SERVERS, servers, style), wrapped(logged ? GETS : `${GETS}\n${LOG}`, width).join('\n')]
      : []),
  ].join('\n\n');
}
