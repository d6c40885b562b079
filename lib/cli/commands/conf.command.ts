import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { nginxConf } from '../../configuration/nginx-conf.js';
import type { NginxDeployment } from '../../nginx/deployment.js';
import type { Cli } from '../cli.js';
import { CliError } from '../cli.error.js';
import { type ConfFile, confFiles, installedText, writeConfFiles } from '../conf-files.js';
import { ExitCode } from '../exit-code.js';
import type { Style } from '../terminal.js';
import { testConf } from '../test-conf.js';

interface ConfOptions {
  readonly out?: string;
  readonly full?: boolean;
  readonly test?: boolean;
  readonly diff?: boolean;
  readonly app?: readonly string[];
  readonly listen?: string;
  readonly nginx: string;
}

/** The default of `nginxConf()`. */
const DEFAULT_DIRECTORY = '/var/lib/nginx-cache';

const EXAMPLES = `
Examples:
  nginx-cache conf                                       what goes inside http {} and server {}
  nginx-cache conf --full --out /var/lib/nginx-cache     a whole nginx.conf, for: nginx -c /var/lib/nginx-cache/nginx.conf
  nginx-cache conf --full --app 127.0.0.1:3000 --test    whether nginx takes it
  nginx-cache conf --diff --out /etc/nginx/blog          what differs from the files that are there (exit code 1)`;

/** `nginx-cache conf`: the configuration of nginx. */
export function addConfCommand(program: Command, cli: Cli): void {
  program
    .command('conf')
    .description('Write the configuration of nginx, test it, or compare it with what is installed.')
    .option('--out <dir>', 'write http.conf and server.conf into a directory, and helper files (with --diff: compare)')
    .option('--full', 'a complete nginx.conf instead of pieces to include')
    .option('--test', 'let nginx check it (nginx -t)')
    .option('--diff', 'show what differs from the files in --out, and write nothing')
    .option('--app <address...>', 'where the application listens, in the place of the deployment: 127.0.0.1:3000')
    .option('--listen <port>', 'where nginx listens, in the place of the deployment')
    .addOption(new Option('--nginx <program>', 'nginx for --test').default('nginx'))
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (given: ConfOptions, command: Command) => {
      const { options, deployment: exported, file } = await cli.configuration(command);
      const out = given.out === undefined ? undefined : resolve(cli.terminal.cwd, given.out);
      const deployment = deploymentOf(exported, given, out, file);
      const files = confFiles(nginxConf(options, deployment), given.full ?? false);
      const test = given.test ? await testConf(options, deployment, given.nginx, cli.terminal.env) : undefined;
      if (test?.isGood === false) cli.exitCode = ExitCode.PROBLEM;
      const report = (result: object, text: string) =>
        cli.result(command, { ...result, ...(test && { test }) }, () =>
          [text, test?.output, test?.cure].filter(Boolean).join('\n').trimEnd(),
        );

      if (given.diff) {
        const directory = out ?? deployment.directory ?? DEFAULT_DIRECTORY;
        const differences = await differencesFrom(directory, files);
        if (differences.length > 0) cli.exitCode = ExitCode.PROBLEM;
        else cli.note(`The files in ${directory} are those of this configuration.`);
        return report({ directory, differences }, differences.map(({ patch }) => coloured(patch, cli.style)).join(''));
      }
      if (out === undefined) {
        if (!test && files.some(({ isHelper }) => isHelper)) cli.note('It needs files besides: --out DIR writes them.');
        return report(
          {
            files: Object.fromEntries(files.filter(({ isSecret }) => !isSecret).map(({ path, text }) => [path, text])),
          },
          test
            ? ''
            : shown(
                files.filter(({ isHelper }) => !isHelper),
                cli.style,
              ),
        );
      }
      if (test?.isGood === false) return report({ written: [] }, '');
      const written = await writeConfFiles(files, out);
      report({ written }, written.join('\n'));
      if (files.some(({ isHelper }) => isHelper) && deployment.directory !== out) {
        cli.note(`nginx looks for the files besides in ${deployment.directory}: copy them there.`);
      }
    });
}

/** With --out, nginx finds the files where they are written, unless the configuration names another place. */
function deploymentOf(
  exported: Partial<NginxDeployment>,
  { app: given, listen }: ConfOptions,
  out: string | undefined,
  file: string,
): NginxDeployment {
  const app = given ?? exported.app;
  if (app === undefined) {
    throw new CliError(
      `${file} does not say where the application listens`,
      "Add: export const deployment = { app: '127.0.0.1:3000' }; or give it here: --app 127.0.0.1:3000.",
    );
  }
  return {
    ...(out !== undefined && { directory: out }),
    ...exported,
    app,
    ...(listen !== undefined && { listen }),
  };
}

/** The files as text that can be read in the terminal and pasted. */
function shown(files: readonly ConfFile[], style: Style): string {
  if (files.length === 1) return files[0]!.text;
  const where = (path: string) => `${path.replace(/\.conf$/, '')} {}`;
  return files.map(({ path, text }) => `${style('bold', `# ${path}: inside ${where(path)}`)}\n${text}`).join('\n');
}

interface Difference {
  readonly path: string;
  /** What to change in the installed file, as a unified diff. */
  readonly patch: string;
}

async function differencesFrom(directory: string, files: readonly ConfFile[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const file of files) {
    const installed = await installedText(directory, file);
    if (installed === file.text) continue;
    const path = join(directory, file.path);
    const patch = file.isSecret
      ? `${path} differs; it is secret, so it is not shown\n`
      : createTwoFilesPatch(path, file.path, installed, file.text, 'installed', 'configuration', {
          context: 3,
          headerOptions: FILE_HEADERS_ONLY,
        });
    differences.push({ path, patch });
  }
  return differences;
}

function coloured(patch: string, style: Style): string {
  return patch.replaceAll(/^[-+@](?![-+]{2} ).*$/gm, (line) =>
    style(line.startsWith('@') ? 'cyan' : line.startsWith('+') ? 'green' : 'red', line),
  );
}
