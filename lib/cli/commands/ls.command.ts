import type { Command } from 'commander';
import type { PageInfo } from '../../module/page-cache.service.js';
import { PageStorage } from '../../stores/page-storage.js';
import type { Cli } from '../cli.js';
import { subtreeScopes } from '../../purging/purge-target.js';
import { asNamed, positiveNumber, regularExpression } from '../page-filter.js';
import { GROUP, jsonOutput, type ListOutput, textOutput, writePages } from '../list-output.js';
import { type Column, GrowingTable } from '../print-table.js';
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
  nginx-cache ls --json | jq length   how many there are
  nginx-cache ls | sort               from 1000 pages on, they come in no order`;

/** `nginx-cache ls`: the stored pages. */
export function addLsCommand(program: Command, cli: Cli): void {
  program
    .command('ls')
    .description('List the stored pages with age, remaining ttl, size, whether anybody has read them, and tags.')
    .argument('[path]', 'a path: the page and all below it')
    .option('--matching <regexp>', 'pages whose path with its query matches', regularExpression)
    .option('--tag <tag>', 'pages that carry the tag')
    .option('--limit <pages>', 'so many at most', positiveNumber)
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (under: string | undefined, options: LsOptions, command: Command) => {
      await asNamed(() => subtreeScopes(under ?? '/'));
      const { matching } = options;
      const isJson = cli.isJson(command);
      const total = await cli.withSite(command, (site) => {
        const isSpread = site.get(PageStorage).parts.length > 1;
        const output = isJson ? jsonOutput<PageInfo>(cli) : tableOutput(cli, isSpread);
        return writePages(
          selected(site.pages.pages({ under: under ?? '/', ...(matching && { matching }) }), options),
          output,
        );
      });
      cli.note(`${counted(total.pages, 'page')}, ${inBytes(total.size)}`);
    });
}

async function* selected(
  all: AsyncIterable<PageInfo>,
  { tag, limit = Infinity }: LsOptions,
): AsyncGenerator<PageInfo, void, undefined> {
  let left = limit;
  for await (const page of all) {
    if (tag !== undefined && !page.tags?.includes(tag)) continue;
    yield page;
    if (--left === 0) return;
  }
}

/** The first pages decide which columns have something to show. */
function tableOutput(cli: Cli, isSpread: boolean): ListOutput<PageInfo> {
  let growing: GrowingTable<PageInfo> | undefined;
  return textOutput(cli, (group) => {
    growing ??= new GrowingTable(columnsFor(group, isSpread), cli.style);
    return growing.add(group);
  });
}

/** @param pages all pages of the list, or the first ones of a list that goes on: what none of these has, later ones may have */
function columnsFor(pages: readonly PageInfo[], isSpread: boolean): Column<PageInfo>[] {
  const goesOn = pages.length === GROUP;
  const has = (is: (page: PageInfo) => boolean) => pages.some(is);
  const columns: (Column<PageInfo> | false)[] = [
    has(({ host }) => host !== undefined) && { title: 'HOST', value: ({ host = '' }) => host },
    { title: 'PAGE', value: ({ target }) => target },
    has(({ variants }) => Object.keys(variants).length > 0) && {
      title: 'VARIANT',
      value: ({ variants }) => Object.values(variants).join(' '),
    },
    (goesOn || has(({ age }) => age !== undefined)) && {
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
    (goesOn || has(({ isRead }) => isRead !== undefined)) && {
      title: 'READ',
      value: ({ isRead }) => (isRead === undefined ? '–' : isRead ? 'yes' : 'no'),
    },
    (goesOn || has(({ tags }) => tags?.length !== 0)) && { title: 'TAGS', value: ({ tags }) => tags?.join(' ') ?? '?' },
    isSpread && { title: 'SERVER', value: ({ server = '' }) => server },
  ];
  return columns.filter((column) => column !== false);
}
