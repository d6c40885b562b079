import { type Command, InvalidArgumentError } from 'commander';
import { CliError } from './cli.error.js';
import { ExitCode } from './exit-code.js';

/**
 * A regular expression from the command line: its source alone, or `/source/flags`.
 *
 * @throws {InvalidArgumentError} when it is not a regular expression
 */
export function regularExpression(text: string): RegExp {
  const [, source = text, flags = ''] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? [];
  try {
    // `/posts/` is a path that somebody looks for, not the expression "posts".
    return flags === '' && text.endsWith('/') ? new RegExp(text) : new RegExp(source, flags);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** A whole number from 1. */
export function positiveNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

/**
 * Reads what the command line names.
 *
 * @throws {CliError} when it is not a page of the site
 */
export async function asNamed<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TypeError)
      throw new CliError(error.message, '--help has examples.', ExitCode.USAGE, { cause: error });
    throw error;
  }
}

/** Ends the command with its usage, as commander does for mistakes that it finds itself. */
export function misused(command: Command, message: string): never {
  return command.error(`error: ${message}`, { exitCode: 2 });
}
