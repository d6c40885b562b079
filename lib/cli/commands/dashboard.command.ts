import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { Activity } from '../../dashboard/activity/activity.js';
import { followLog } from '../../dashboard/activity/activity-of-log.js';
import { Dashboard } from '../../dashboard/dashboard.js';
import type { NginxDeployment } from '../../nginx/deployment.js';
import type { Site } from '../../operations/site.js';
import type { Cli } from '../cli.js';
import { CliError } from '../cli.error.js';
import { ExitCode } from '../exit-code.js';
import type { GlobalOptions } from '../global-options.js';
import { urlArgument } from '../page-url.js';
import { readableLog } from '../readable-log.js';

interface DashboardOptions {
  readonly port: number;
  readonly log?: string;
  readonly site?: URL;
}

const EXAMPLES = `
Examples:
  nginx-cache dashboard                                           on a free port
  nginx-cache dashboard --port 4000                               for a tunnel: ssh -L 4000:127.0.0.1:4000 server
  nginx-cache dashboard --module dist/create-app.js#createApp     so that pages can be published, too
  nginx-cache dashboard --log /var/log/nginx/access.log --site http://127.0.0.1:8080`;

/** `nginx-cache dashboard`: a page in the browser that shows the cache and works with it. */
export function addDashboardCommand(program: Command, cli: Cli): void {
  program
    .command('dashboard')
    .description(
      'Show the cache in a browser: pages, hits and reasons as they come, purges, servers. For this machine alone.',
    )
    .option('--port <number>', 'default: a free one', portNumber, 0)
    .option('--log <file>', "nginx's access log (default: access.log in the directory of the deployment)")
    .option(
      '--site <url>',
      'where nginx is asked why a page is not cached (default: `listen` of the deployment)',
      urlArgument,
    )
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (options: DashboardOptions, command: Command) => {
      const { deployment } = await cli.configuration(command);
      const { module } = command.optsWithGlobals<GlobalOptions>();
      const renders = module !== undefined;
      await cli.withSite(command, (site) => serve(cli, site, options, deployment, renders), {
        renders,
        endsItself: true,
      });
    });
}

async function serve(
  cli: Cli,
  site: Site,
  options: DashboardOptions,
  deployment: Partial<NginxDeployment>,
  canPublish: boolean,
): Promise<void> {
  const activity = await activityOf(cli, options, deployment);
  const { source } = activity;
  const server = createServer();
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening').catch((cause: unknown) => {
    const hint = 'Take another port, or none: then a free one is taken.';
    throw new CliError(`Port ${options.port} cannot be listened on`, hint, ExitCode.PROBLEM, { cause });
  });
  const { port } = server.address() as AddressInfo;
  const token = randomBytes(24).toString('base64url');
  const origin = (options.site ?? new URL(`http://127.0.0.1:${portOf(deployment)}`)).origin;
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  const dashboard = new Dashboard({ site, token, activity, canPublish, hosts, origin: () => origin });
  server.on('request', (request, response) => void dashboard.answer(request, response, request.url ?? ''));
  // The part after the "#" stays in the browser: it gets into no log and no Referer.
  cli.print(`http://127.0.0.1:${port}/#token=${token}`);
  cli.note('Open it in a browser. Whoever has the address can purge pages. Ctrl-C ends it.');
  const following = source.kind === 'log' ? followLog(activity, source.file, cli.signal) : undefined;
  if (!cli.signal.aborted) await once(cli.signal, 'abort');
  server.close();
  server.closeAllConnections();
  await following;
  cli.exitCode = ExitCode.INTERRUPTED;
}

async function activityOf(
  cli: Cli,
  { log }: DashboardOptions,
  { directory = '/var/lib/nginx-cache' }: Partial<NginxDeployment>,
): Promise<Activity> {
  if (log !== undefined) {
    const file = await readableLog(log, cli.terminal.cwd, 'nginx-cache dashboard --log');
    return new Activity({ kind: 'log', file });
  }
  const file = join(directory, 'access.log');
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  return new Activity({ kind: isThere ? 'log' : 'none', file });
}

function portOf({ listen = 8080 }: Partial<NginxDeployment>): string {
  return /(\d+)(?:\s.*)?$/.exec(String(listen))?.[1] ?? '8080';
}

function portNumber(given: string): number {
  const port = Number(given);
  if (/^\d{1,5}$/.test(given) && port < 65_536) return port;
  throw new InvalidArgumentError('It must be a port: a number up to 65535.');
}
