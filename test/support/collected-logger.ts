import type { LoggerService } from '@nestjs/common';

/** Keeps what is logged. */
export class CollectedLogger implements LoggerService {
  readonly lines: string[] = [];

  log(): void {}
  warn(message: unknown): void {
    this.lines.push(`warn ${String(message)}`);
  }
  error(message: unknown): void {
    this.lines.push(`error ${String(message)}`);
  }
}
