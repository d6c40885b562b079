import type { LoggerService } from '@nestjs/common';
import type { Output } from './terminal.js';
import { visibleLines } from './visible.js';

/** The logger of an application that the command runs. It logs only what is wrong, and not where another program reads the result. */
export class ErrorLogger implements LoggerService {
  constructor(private readonly output: Output) {}

  log(): void {}

  warn(message: unknown): void {
    this.write(message);
  }

  error(message: unknown): void {
    this.write(message);
  }

  fatal(message: unknown): void {
    this.write(message);
  }

  private write(message: unknown): void {
    this.output.write(`${visibleLines(message instanceof Error ? message.message : String(message))}\n`);
  }
}
