import type { Command } from 'commander';
import type { PageInfo } from '../../module/page-cache.service.js';
import { PurgeIncompleteError } from '../../purging/purge-report.js';
import { concernedPages, purgeScopes } from '../../operations/purge-scopes.js';
import type { Site } from '../../operations/site.js';
import { Purger } from '../../purging/purger.js';
import type { PurgeScope } from '../../stores/journal/purge-scope.js';
import type { Cli } from '../cli.js';
import { CliError } from '../cli.error.js';
import { ExitCode } from '../exit-code.js';
import { jsonOutput, textOutput, writePages } from '../list-output.js';
import { asNamed, misused, regularExpression } from '../page-filter.js';
import { counted } from '../units.js';

interface PurgeOptions {
  readonly under?: readonly string[];
  readonly tag?: readonly string[];
  readonly matching?: RegExp;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const EXAMPLES = `
Examples:
  nginx-cache purge / /posts/1               two pages, with every query, host and variant of them
  nginx-cache purge --under /posts           /posts and what is below it; "/posts/*" says the same
  nginx-cache purge --tag post:1 post:2      every page that carries one of the tags
  nginx-cache purge --matching '\\?page='      pages whose path with its query matches
  nginx-cache purge --all --dry-run          what would go`;

/** `nginx-cache purge`: what `purge()` and similar methods do in the application. */
export function addPurgeCommand(program: Command, cli: Cli): void {
  program
    .command('purge')
    .description('Delete pages. A page that is being rendered meanwhile, in any process, is not stored.')
    .argument('[pages...]', 'paths or URLs')
    .option('--under <path...>', 'paths with all below them')
    .option('--tag <tag...>', 'pages that carry one of the tags')
    .option('--matching <regexp>', 'pages whose path with its query matches', regularExpression)
    .option('--all', 'every page of the site')
    .option('--dry-run', 'delete nothing, and list what would go')
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (paths: readonly string[], options: PurgeOptions, command: Command) => {
      const { under, tag, matching, all, dryRun = false } = options;
      if (paths.length === 0 && !under && !tag && !matching && !all) {
        misused(command, 'name pages, or give --under, --tag, --matching or --all');
      }
      const work = async (site: Site) => {
        const scopes = await asNamed(() => purgeScopes(site, { paths, under, tags: tag, matching, all }));
        if (dryRun) return showPages(cli, command, site, scopes);
        const report = await purged(site, scopes);
        cli.result(command, report, () => `${counted(report.purged, 'page')} purged: ${report.targets.join(', ')}`);
      };
      await cli.withSite(command, work, { reportsPurges: true });
    });
}

async function purged(site: Site, scopes: readonly PurgeScope[]) {
  try {
    return await site.get(Purger).all(scopes);
  } catch (error) {
    if (!(error instanceof PurgeIncompleteError)) throw error;
    const { pending, servers, cause } = error;
    const where = servers.length === 0 ? '' : ` on ${servers.join(', ')}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(
      `Not purged${where}: ${pending.join(', ')} (${why})`,
      // The application would try again, but the command ends now.
      'Repeat the command when the store answers.',
      ExitCode.PROBLEM,
      { cause: error },
    );
  }
}

async function showPages(cli: Cli, command: Command, site: Site, scopes: readonly PurgeScope[]): Promise<void> {
  const { hosts } = site.options;
  const hasHosts = hosts !== undefined && hosts.length > 1;
  const output = cli.isJson(command)
    ? jsonOutput<PageInfo>(cli)
    : textOutput<PageInfo>(cli, (group) => group.map((page) => nameOf(page, hasHosts)));
  const { pages } = await writePages(concernedPages(site, scopes), output);
  cli.note(`${counted(pages, 'page')} would be purged.`);
}

/** `/posts`, or `example.com/posts (de)`: no two pages have the same name. */
function nameOf({ host = '', target, variants }: PageInfo, hasHosts: boolean): string {
  const values = Object.values(variants).join(' ');
  return `${hasHosts ? host : ''}${target}${values && ` (${values})`}`;
}
