import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { type Cli, WIDTH } from './cli.js';
import { addConfCommand } from './commands/conf.command.js';
import { addDashboardCommand } from './commands/dashboard.command.js';
import { addDoctorCommand } from './commands/doctor.command.js';
import { addLogCommand } from './commands/log.command.js';
import { addLsCommand } from './commands/ls.command.js';
import { addPublishCommand } from './commands/publish.command.js';
import { addPurgeCommand } from './commands/purge.command.js';
import { addShowCommand } from './commands/show.command.js';
import { addStatsCommand } from './commands/stats.command.js';
import { addWhyCommand } from './commands/why.command.js';

/** The commands, in the order in which `--help` lists them. Each is a file in `commands/`. */
const COMMANDS: readonly ((program: Command, cli: Cli) => void)[] = [
  addConfCommand,
  addDoctorCommand,
  addLogCommand,
  addWhyCommand,
  addLsCommand,
  addShowCommand,
  addStatsCommand,
  addPurgeCommand,
  addPublishCommand,
  addDashboardCommand,
];

const EXAMPLES = `
Examples:
  nginx-cache conf --full --out /var/lib/nginx-cache     write the configuration of nginx
  nginx-cache conf --diff --out /var/lib/nginx-cache     see what a new version of it would change
  nginx-cache doctor https://example.com/posts/1         find out what is wrong, by one of the pages
  nginx-cache why https://example.com/posts/1            why it is not cached, and what to do
  nginx-cache log --follow                               watch hits, reasons and slow misses
  nginx-cache dashboard                                  all of it in a browser

Configuration:
  nginx-cache.config.{ts,js,mjs} in the current directory or its src/. It exports the options of forRoot() by default, and "deployment", which is the second argument of nginxConf().

Exit codes:
  0    all is well
  1    something is not as it should be: files differ, a page failed, a purge is pending, a check found a fault
  2    wrong arguments or a wrong configuration; nothing has been done
  130  interrupted by Ctrl-C`;

/** The command with everything that it can do. */
export function makeProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.terminal;
  const program = new Command('nginx-cache')
    .description('Operates a page cache that Nest writes and nginx serves.')
    .version(version())
    .option('--config <file>', 'configuration (default: nginx-cache.config.{ts,js,mjs} in . or src/)')
    .option('--module <file#name>', 'take the options from the application: its module, or a function that makes it')
    .option('--json', 'write JSON, for other programs')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? WIDTH,
      getErrHelpWidth: () => stderr.columns ?? WIDTH,
    })
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .showHelpAfterError('(nginx-cache --help shows what there is)')
    .exitOverride()
    .addHelpText('after', () => cli.fitted(EXAMPLES));
  for (const add of COMMANDS) add(program, cli);
  for (const command of program.commands) {
    command.showHelpAfterError(`(nginx-cache ${command.name()} --help shows what there is)`);
  }
  return program;
}

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return own;
}
