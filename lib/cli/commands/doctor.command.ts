import { networkInterfaces } from 'node:os';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { NginxDeployment } from '../../nginx/deployment.js';
import { PageStorage } from '../../stores/page-storage.js';
import { asking } from '../../operations/ask.js';
import { DOCTOR } from '../../operations/log/log-summary.js';
import { Purger } from '../../purging/purger.js';
import type { Cli } from '../cli.js';
import type { Status } from '../doctor/check.js';
import { examine, type NamedFinding } from '../doctor/examine.js';
import { runNginx } from '../run-nginx.js';
import { ExitCode } from '../exit-code.js';
import { hostFor, urlArgument } from '../page-url.js';
import type { Style } from '../terminal.js';
import { counted } from '../units.js';
import { wrapped } from '../wrapped.js';

interface DoctorOptions {
  readonly nginx: string;
  readonly conf?: string;
  readonly host?: string;
  readonly outside?: readonly string[];
}

const EXAMPLES = `
Examples:
  nginx-cache doctor                                     the store, nginx and its configuration
  nginx-cache doctor https://example.com/posts/1         and the running site, by one of its pages
  nginx-cache doctor http://127.0.0.1:8080/ --host example.com

Run it where nginx runs, as a user who may read its configuration. It sends about forty requests, and deletes the pages that it has made of addresses next to the one you name.`;

/** `nginx-cache doctor`: finds out what is wrong with a deployment. */
export function addDoctorCommand(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .description('Check the store, nginx and the running site. Each fault comes with what to do about it.')
    .argument('[url]', 'a page of the running site', urlArgument)
    .option('--host <name>', 'the Host to ask for, where the URL has an address')
    .option(
      '--conf <file>',
      'the nginx.conf that nginx runs with (default: that in the directory of the deployment, or its own)',
    )
    .option('--nginx <program>', 'nginx for nginx -t and -T', 'nginx')
    .option('--outside <address...>', 'addresses at which others reach this machine (default: its own)')
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (page: URL | undefined, given: DoctorOptions, command: Command) => {
      const { options: givenOptions, deployment } = await cli.configuration(command);
      const findings = await cli.withSite(command, async ({ options, get }) => {
        const { nginx } = given;
        const { env } = cli.terminal;
        const confFile = confFileOf(given, deployment, cli.terminal.cwd);
        const { stdout } = await runNginx({ nginx, env, confFile }, ['-T']).catch(() => ({ stdout: '' }));
        return examine({
          given: givenOptions,
          options,
          deployment,
          storage: get(PageStorage),
          purge: (pages) => get(Purger).exactly(pages),
          conf: stdout === '' ? undefined : stdout,
          confFile,
          nginx,
          env,
          outside: given.outside ?? ownAddresses(),
          site: page && { url: page, ask: asking(page, cli.signal, given.host ?? hostFor(page, options), DOCTOR) },
        });
      });
      const isHealthy = findings.every(({ status }) => status !== 'failed');
      if (!isHealthy) cli.exitCode = ExitCode.PROBLEM;
      cli.result(command, { isHealthy, findings }, () => shown(findings, cli.style, cli.width));
    });
}

const MARKS: Readonly<Record<Status, string>> = { ok: 'ok', failed: 'FAILED', note: 'note', skipped: 'skipped' };
const COLOURS = { ok: 'green', failed: 'red', note: 'yellow', skipped: 'dim' } as const;

function shown(findings: readonly NamedFinding[], style: Style, columns: number): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 11);
  const room = columns - indent.length;
  const lines = findings.flatMap(({ check, status, what, cure, paste = [] }) => {
    const [first = '', ...rest] = wrapped(what, room);
    return [
      `${check.padEnd(width)}  ${style(COLOURS[status], MARKS[status].padEnd(7))}  ${first}`,
      ...rest.map((line) => indent + line),
      ...(cure === undefined ? [] : wrapped(cure, room).map((line) => indent + style('bold', line))),
      ...paste.map((line) => `${indent}  ${line}`),
    ];
  });
  const faults = findings.filter(({ status }) => status === 'failed').length;
  return [...lines, '', faults === 0 ? 'No fault was found.' : `${counted(faults, 'fault')}.`].join('\n');
}

function confFileOf({ conf }: DoctorOptions, { directory }: Partial<NginxDeployment>, cwd: string): string | undefined {
  if (conf !== undefined) return resolve(cwd, conf);
  const written = join(directory ?? '/var/lib/nginx-cache', 'nginx.conf');
  return existsSync(written) ? written : undefined;
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);
}
