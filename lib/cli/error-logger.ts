import type { LoggerService } from '@nestjs/common';
import type { Output } from './terminal.js';
import { visibleLines } from './visible.js';

/** The logger of an application that the command runs. It logs only what is wrong, and not where another program reads the result. */
export class ErrorLogger implements LoggerService {
  /** @param isQuiet whether the command itself says what is wrong with the cache */
  constructor(
    private readonly output: Output,
    private readonly isQuiet = false,
  ) {}

  log(): void {}

  warn(message: unknown, context?: unknown): void {
    this.write(message, context);
  }

  error(message: unknown, ...more: readonly unknown[]): void {
    this.write(message, more.at(-1));
  }

  fatal(message: unknown): void {
    this.write(message);
  }

  private write(message: unknown, context?: unknown): void {
    if (this.isQuiet && context === 'PageCache') return;
    this.output.write(`${visibleLines(message instanceof Error ? message.message : String(message))}\n`);
  }
}
