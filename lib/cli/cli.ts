import type { Command } from 'commander';
import { untilAborted } from './interrupted.js';
import { ExitCode } from './exit-code.js';
import { fittedHelp } from './fitted-help.js';
import type { GlobalOptions } from './global-options.js';
import { type Configuration, loadConfiguration } from './load-configuration.js';
import type { Site } from '../operations/site.js';
import { openSite, type SiteNeeds } from './open-site.js';
import { type Style, styleFor, type Terminal } from './terminal.js';
import { visibleJson, visibleLines } from './visible.js';

/** How wide help is in a pipe, in characters. */
export const WIDTH = 100;

/** What a command works with. */
export class Cli {
  /** The style for the standard output. */
  readonly style: Style;
  exitCode: ExitCode = ExitCode.OK;

  constructor(readonly terminal: Terminal) {
    this.style = styleFor(terminal.stdout, terminal.env);
  }

  get signal(): AbortSignal {
    return this.terminal.signal;
  }

  /** Writes the requested output. */
  print(text: string): void {
    this.terminal.stdout.write(`${visibleLines(text)}\n`);
  }

  /** Writes the content of a page: exactly as it is, unless a terminal would obey it. */
  printContent(text: string): void {
    this.terminal.stdout.write(`${this.terminal.stdout.isTTY ? visibleLines(text) : text}\n`);
  }

  /** Writes a part of the requested output, and resolves when the terminal, the pipe or the file has taken it. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => this.terminal.stdout.write(visibleLines(text), () => resolve()));
  }

  /** Writes what accompanies the output, apart from what another program reads. */
  note(text: string): void {
    this.terminal.stderr.write(`${visibleLines(text)}\n`);
  }

  /** Writes a result: as JSON for programs with `--json`, otherwise as text for people. */
  result(command: Command, value: unknown, text: () => string): void {
    const shown = this.isJson(command) ? visibleJson(value, 2) : text();
    if (shown !== '') this.print(shown);
  }

  /** The width of a line, in characters. A pipe and a file have none. */
  get width(): number {
    return this.terminal.stdout.columns ?? Infinity;
  }

  /** Text for people, as `--help` shows it below the options. */
  fitted(text: string): string {
    return fittedHelp(text, this.terminal.stdout.columns ?? WIDTH);
  }

  isJson(command: Command): boolean {
    return command.optsWithGlobals<GlobalOptions>().json === true;
  }

  /** The options of the site, from the configuration or from the module of the application. */
  configuration(command: Command): Promise<Configuration> {
    return loadConfiguration(command.optsWithGlobals<GlobalOptions>(), this.terminal);
  }

  /**
   * Works with the pages of the site, and closes it. Ctrl-C ends the work, unless it ends itself.
   *
   * @param needs what the work needs besides the store
   */
  async withSite<T>(command: Command, work: (site: Site) => Promise<T>, needs: SiteNeeds = {}): Promise<T> {
    const site = await openSite(command.optsWithGlobals<GlobalOptions>(), this.terminal, needs);
    try {
      return await (needs.endsItself ? work(site) : untilAborted(work(site), this.signal));
    } finally {
      await site.close();
    }
  }
}
