import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FLAVOURS } from '../../../nginx/flavours/flavours.js';
import { lackingModule } from '../../lacking-module.js';
import { runNginx } from '../../run-nginx.js';
import { type Check, type Examined, type Finding, failed, ok, skipped } from '../check.js';

/** The program and its modules. */
export const nginxCheck: Check = {
  name: 'nginx',
  async run(examined) {
    const version = await runNginx(examined, ['-V']).catch(() => undefined);
    if (!version) {
      const cure = 'Run doctor where nginx runs, or say where it is: --nginx /usr/sbin/nginx.';
      return [skipped(`there is no ${examined.nginx} here`, cure)];
    }
    const [, number = 'of an unknown version'] = /nginx version: (\S+)/.exec(version.stderr) ?? [];
    return [ok(number), ...missingFiles(examined), ...(await tested(examined))];
  },
};

function missingFiles({ options, deployment: { modulesDirectory } }: Examined): Finding[] {
  if (modulesDirectory === undefined) return [];
  const flavour = FLAVOURS.find(({ name }) => name === options.flavour);
  const modules = flavour?.modules({ options } as Parameters<typeof flavour.modules>[0]) ?? [];
  return modules
    .filter((module) => !existsSync(join(modulesDirectory, module)))
    .map((module) =>
      failed(
        `the module ${module} is not in ${modulesDirectory}`,
        'Install it, or correct modulesDirectory of the deployment.',
      ),
    );
}

/** What `nginx -t` says about the configuration with which nginx runs. */
async function tested(examined: Examined): Promise<Finding[]> {
  const { code, stderr } = await runNginx(examined, ['-t']);
  const lines = stderr.split('\n').map((line) => line.replace(/^nginx: /, ''));
  const findings = [...new Set(lines.filter((line) => line.includes('conflicting server name')))].map((line) => {
    const [, name = '', where = ''] = /conflicting server name "([^"]*)" on (\S+?),/.exec(line) ?? [];
    return failed(
      `two servers of nginx have the name "${name}" on ${where}, and nginx ignores the second`,
      'Remove one of the two: grep -rn server_name /etc/nginx shows them.',
    );
  });
  if (code === 0) return findings.length > 0 ? findings : [ok('nginx -t accepts its configuration')];
  const error = lines.find((line) => /^\[(?:emerg|alert)\]/.test(line)) ?? lines[0] ?? '';
  const lacking = lackingModule(error);
  if (lacking) return [...findings, failed(lacking.what, lacking.cure)];
  if (/Permission denied/.test(error))
    return [skipped(`nginx -t: ${error}`, 'Run doctor as the user who starts nginx.')];
  return [
    ...findings,
    failed(`nginx -t: ${error}`, 'Correct that, or write the configuration again: nginx-cache conf --test.'),
  ];
}
