import type { Command } from 'commander';
import { type StoredPage, storedPagesAt, unpacked } from '../../operations/stored-page.js';
import type { Cli } from '../cli.js';
import { CliError } from '../cli.error.js';
import { ExitCode } from '../exit-code.js';
import { asNamed } from '../page-filter.js';
import { counted } from '../units.js';
import { visible } from '../visible.js';

const EXAMPLES = `
Examples:
  nginx-cache show /posts/1                    head and body
  nginx-cache show --head '/posts?page=2'      the head alone
  nginx-cache show https://example.com/        the page of one of several hosts`;

/** `nginx-cache show`: one stored page. */
export function addShowCommand(program: Command, cli: Cli): void {
  program
    .command('show')
    .description('Show a stored page: the head that was stored with it, and the body, unpacked.')
    .argument('<page>', 'a path with its query, or a URL')
    .option('--head', 'without the body')
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (target: string, { head = false }: { head?: boolean }, command: Command) => {
      const found = await cli.withSite(command, (site) => asNamed(() => storedPagesAt(site, target)));
      const [first] = found;
      if (!first) {
        throw new CliError(`${target} is not stored`, 'See what is: nginx-cache ls.', ExitCode.PROBLEM);
      }
      cli.result(command, found.map(asJson), () => headOf(first));
      if (!head && !cli.isJson(command)) cli.printContent(`\n${unpacked(first.page).toString()}`);
      if (found.length > 1)
        cli.note(`There are ${found.length}, one for each host or variant: --json shows all of them.`);
    });
}

function headOf({ key, page }: StoredPage): string {
  const lines = [
    `# ${key}`,
    `HTTP/1.1 ${page.status}`,
    ...page.headers.map(([name, value]) => `${name}: ${value}`),
    ...(page.contentEncoding === undefined
      ? []
      : [`# stored as ${page.contentEncoding}, ${counted(page.body.length, 'byte')}`]),
    ...(page.tags?.length ? [`# tags: ${page.tags.join(' ')}`] : []),
  ];
  return lines.map(visible).join('\n');
}

function asJson({ key, page }: StoredPage): object {
  const { status, headers, contentEncoding, tags, body } = page;
  const text = unpacked(page).toString();
  return { key, status, headers, contentEncoding, tags, bytes: body.length, body: text };
}
