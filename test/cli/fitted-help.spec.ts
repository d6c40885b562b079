import { describe, expect, it } from 'vitest';
import { fittedHelp } from '../../lib/cli/fitted-help.js';
import { directoryWith, runCommand } from './support/run-command.js';

const HELP = `
Examples:
  nginx-cache ls                         every stored page
  nginx-cache ls --tag post:1            the pages that carry a tag
  nginx-cache purge --all --dry-run      what would go, in so many words that they do not fit

Read it where you can, because this is a line that is longer than others.
  1    something is not as it should be: files differ, or a check found a fault`;

describe('help', () => {
  it('stays as it is where there is room', () => {
    expect(fittedHelp(HELP, 100)).toBe(HELP);
  });

  it('is broken between words where there is none, and commands stay whole', () => {
    expect(fittedHelp(HELP, 50)).toBe(`
Examples:
  nginx-cache ls
      every stored page
  nginx-cache ls --tag post:1
      the pages that carry a tag
  nginx-cache purge --all --dry-run
      what would go, in so many words that they do
      not fit

Read it where you can, because this is a line that
is longer than others.
  1    something is not as it should be: files
       differ, or a check found a fault`);
  });

  it.each(['', 'conf', 'doctor', 'log', 'why', 'ls', 'show', 'stats', 'purge', 'publish', 'dashboard'])(
    'of "%s" has no line that is wider than a terminal of 80 columns, but for commands',
    async (command) => {
      using directory = directoryWith({});
      const args = [...(command === '' ? [] : [command]), '--help'];
      const { code, stdout } = await runCommand(args, { cwd: directory.path, isTTY: true, columns: 80 });
      expect(code).toBe(0);
      const wide = stdout.split('\n').filter((line) => line.length > 80);
      expect(wide.filter((line) => !/^ {2}(?:nginx-cache|zcat) /.test(line))).toEqual([]);
    },
  );
});
