import type { Command } from 'commander';
import type { PageInfo } from '../../module/page-cache.service.js';
import type { Cli } from '../cli.js';
import { subtreeScopes } from '../../purging/purge-target.js';
import { asNamed, positiveNumber, regularExpression } from '../page-filter.js';
import { type Column, table } from '../print-table.js';
import { counted, inBytes, inTimeUnits } from '../units.js';

interface LsOptions {
  readonly matching?: RegExp;
  readonly tag?: string;
  readonly limit?: number;
}

const EXAMPLES = `
Examples:
  nginx-cache ls                      every stored page
  nginx-cache ls /posts               /posts and what is below it
  nginx-cache ls --tag post:1         the pages that carry a tag
  nginx-cache ls --json | jq length   how many there are`;

/** `nginx-cache ls`: the stored pages. */
export function addLsCommand(program: Command, cli: Cli): void {
  program
    .command('ls')
    .description('List the stored pages with age, remaining ttl, size, whether anybody has read them, and tags.')
    .argument('[path]', 'a path: the page and all below it')
    .option('--matching <regexp>', 'pages whose path with its query matches', regularExpression)
    .option('--tag <tag>', 'pages that carry the tag')
    .option('--limit <pages>', 'so many at most', positiveNumber)
    .addHelpText('after', EXAMPLES)
    .action(async (under: string | undefined, options: LsOptions, command: Command) => {
      await asNamed(() => subtreeScopes(under ?? '/'));
      const pages = await cli.withSite(command, ({ pages: stored }) =>
        listed(stored.pages({ under: under ?? '/', ...(options.matching && { matching: options.matching }) }), options),
      );
      pages.sort((one, other) => (one.target < other.target ? -1 : 1));
      cli.result(command, pages, () => (pages.length === 0 ? '' : table(columnsFor(pages), pages, cli.style)));
      const size = pages.reduce((sum, page) => sum + (page.size ?? 0), 0);
      cli.note(`${counted(pages.length, 'page')}, ${inBytes(size)}`);
    });
}

async function listed(all: AsyncIterable<PageInfo>, { tag, limit = Infinity }: LsOptions): Promise<PageInfo[]> {
  const pages: PageInfo[] = [];
  for await (const page of all) {
    if (tag !== undefined && !page.tags?.includes(tag)) continue;
    if (pages.push(page) >= limit) break;
  }
  return pages;
}

/** Those that say something. */
function columnsFor(pages: readonly PageInfo[]): Column<PageInfo>[] {
  const has = (is: (page: PageInfo) => boolean) => pages.some(is);
  const columns: (Column<PageInfo> | false)[] = [
    has(({ host }) => host !== undefined) && { title: 'HOST', value: ({ host = '' }) => host },
    { title: 'PAGE', value: ({ target }) => target },
    has(({ variants }) => Object.keys(variants).length > 0) && {
      title: 'VARIANT',
      value: ({ variants }) => Object.values(variants).join(' '),
    },
    has(({ age }) => age !== undefined) && {
      title: 'AGE',
      align: 'right',
      value: ({ age }) => (age === undefined ? '–' : inTimeUnits(age)),
    },
    {
      title: 'TTL',
      align: 'right',
      value: ({ ttl }) => (ttl === undefined ? '–' : ttl === 0 ? 'until purged' : inTimeUnits(ttl)),
    },
    { title: 'SIZE', align: 'right', value: ({ size }) => (size === undefined ? '–' : inBytes(size)) },
    has(({ isRead }) => isRead !== undefined) && { title: 'READ', value: ({ isRead }) => (isRead ? 'yes' : 'no') },
    has(({ tags }) => tags?.length !== 0) && { title: 'TAGS', value: ({ tags }) => tags?.join(' ') ?? '?' },
    new Set(pages.map(({ server }) => server)).size > 1 && { title: 'SERVER', value: ({ server = '' }) => server },
  ];
  return columns.filter((column) => column !== false);
}
