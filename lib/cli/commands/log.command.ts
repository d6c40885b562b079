import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { parseAccess } from '../../nginx/access-log.js';
import type { Cli } from '../cli.js';
import { ExitCode } from '../exit-code.js';
import type { GlobalOptions } from '../global-options.js';
import { mustBeReadable, readableLog } from '../readable-log.js';
import { follow, linesOf } from '../../operations/log/log-lines.js';
import { LogReader } from '../../operations/log/log-summary.js';
import { shownSummary, shownTotals } from '../log/shown-summary.js';
import { visibleJson, visibleLines } from '../visible.js';

interface LogOptions {
  readonly follow?: boolean;
  readonly top: number;
}

const EXAMPLES = `
Examples:
  nginx-cache log                                        the access log of the configuration
  nginx-cache log /var/log/nginx/access.log --top 20     longer lists
  nginx-cache log --follow                               a live view; Ctrl-C ends it
  zcat access.log.*.gz | nginx-cache log -               what was rotated away`;

/** `nginx-cache log`: what nginx's access log says about the cache. */
export function addLogCommand(program: Command, cli: Cli): void {
  program
    .command('log')
    .description(
      "Read nginx's access log: hit ratio, reasons, the slowest misses, what is wanted most and never cached.",
    )
    .argument('[file]', 'default: access.log in the directory of the deployment; - for the standard input')
    .option('--follow', 'go on reading, as a live view')
    .option('--top <number>', 'how many lines of each list', count, 10)
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (given: string | undefined, { follow: isLive = false, top }: LogOptions, command: Command) => {
      const file = given === '-' ? process.stdin : await logFile(given, cli, command);
      const reader = new LogReader();
      if (isLive && typeof file === 'string') return watch(file, reader, top, cli, command);
      for await (const line of linesOf(file)) reader.add(parseAccess(line));
      const summary = reader.summary(top);
      cli.result(command, summary, () => shownSummary(summary, cli.style, cli.width));
      mustBeReadable(summary);
    });
}

/** On a terminal, shows everything anew each time that something has come; for programs, writes a line. */
async function watch(file: string, reader: LogReader, top: number, cli: Cli, command: Command): Promise<void> {
  const { json = false } = command.optsWithGlobals<GlobalOptions>();
  const isTerminal = cli.terminal.stdout.isTTY === true && !json;
  const { rows = Infinity } = cli.terminal.stdout;
  let shown = 0;
  let isNew = true;
  for await (const lines of follow(file, cli.signal)) {
    for (const line of lines) reader.add(parseAccess(line));
    isNew ||= lines.length > 0;
    // First, the existing lines are read to the end.
    if (!isNew || lines.length > 0) continue;
    isNew = false;
    const summary = reader.summary(top);
    if (!isTerminal) {
      cli.print(json ? visibleJson(summary) : shownTotals(summary));
      continue;
    }
    const fitting = isFinite(rows) ? reader.summary(Math.min(top, linesOfEach(rows))) : summary;
    const text = shownSummary(fitting, cli.style, cli.width, true)
      .split('\n')
      .slice(0, rows - 1)
      .join('\n');
    const back = shown === 0 ? '' : `\x1b[${shown}A\x1b[J`;
    cli.terminal.stdout.write(`${back}${visibleLines(text)}\n`);
    shown = text.split('\n').length;
  }
  cli.exitCode = ExitCode.INTERRUPTED;
}

/** How many lines of each list fit on a terminal: three lists with their titles; the last one takes two lines for each entry. */
function linesOfEach(rows: number): number {
  return Math.max(1, Math.floor((rows - 8) / 4));
}

async function logFile(given: string | undefined, cli: Cli, command: Command): Promise<string> {
  const directory = async () => (await cli.configuration(command)).deployment.directory ?? '/var/lib/nginx-cache';
  return readableLog(given ?? join(await directory(), 'access.log'), cli.terminal.cwd, 'nginx-cache log');
}

function count(given: string): number {
  if (/^[1-9]\d{0,3}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('It must be a number from 1 to 9999.');
}
