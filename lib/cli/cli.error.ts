import { ExitCode } from './exit-code.js';

/** An error that the user is told in two parts: what is wrong, and what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError';

  /**
   * @param message what is wrong, without a full stop
   * @param cure what to do, as a sentence
   */
  constructor(
    message: string,
    readonly cure: string,
    readonly exitCode: ExitCode = ExitCode.USAGE,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
