import { CommanderError } from 'commander';
import { NginxCacheConfigError } from '../checks/nginx-cache-config.error.js';
import { Cli } from './cli.js';
import { CliError } from './cli.error.js';
import { ExitCode } from './exit-code.js';
import { InterruptedError } from './interrupted.js';
import { makeProgram } from './program.js';
import { styleFor, type Terminal } from './terminal.js';

/**
 * Runs the command.
 *
 * @param args without the names of node and of the script
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const cli = new Cli(terminal);
  try {
    await makeProgram(cli).parseAsync(args, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof InterruptedError) return ExitCode.INTERRUPTED;
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.USAGE;
    const style = styleFor(terminal.stderr, terminal.env);
    cli.note(`${style('red', 'error:')} ${oneLine(error)}`);
    if (terminal.env['DEBUG'] && error instanceof Error) cli.note(error.stack ?? '');
    if (error instanceof CliError) return error.exitCode;
    return error instanceof NginxCacheConfigError ? ExitCode.USAGE : ExitCode.PROBLEM;
  }
}

function oneLine(error: unknown): string {
  if (error instanceof CliError) return `${error.message}. ${error.cure}`;
  if (error instanceof NginxCacheConfigError) return `${error.message}.`;
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n', 1)[0] ?? '';
}
