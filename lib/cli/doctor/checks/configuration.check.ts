import { fingerprintOf, nginxConf } from '../../../configuration/nginx-conf.js';
import { CONFIGURATION_HEADER } from '../../../page/page-key-header.js';
import { SiteNames } from '../../../nginx/variables.js';
import { type Check, type Examined, type Finding, failed, ok, skipped } from '../check.js';

const AGAIN = 'Write the configuration again (nginx-cache conf --out DIR), and reload nginx (nginx -s reload).';

/** Whether nginx runs with the configuration of these options. */
export const configurationCheck: Check = {
  name: 'configuration',
  async run(examined) {
    const { conf, options } = examined;
    if (conf === undefined) {
      return [
        skipped(
          'the configuration of nginx cannot be read',
          'Run doctor as the user who starts nginx, or name it: --conf FILE.',
        ),
      ];
    }
    const names = new SiteNames(options.prefix);
    const sites = [...conf.matchAll(/map \S+ \$(\w+)_cache_key\b/g)].map(([, site]) => site!);
    const all = [...new Set(sites)];
    if (all.length === 0) {
      const [, file = 'its nginx.conf'] = /^# configuration file (.+):$/m.exec(conf) ?? [];
      return [
        failed(
          `there is no page cache in the configuration of nginx, ${file}`,
          `If nginx runs with another file, name it (--conf FILE), or set \`directory\` of the deployment. Otherwise: ${AGAIN}`,
        ),
      ];
    }
    if (!conf.includes(names.variable('key'))) {
      return [
        failed(
          `nginx is configured for another prefix: ${all.join(', ')} instead of ${names.of('key').replace(/_cache_key$/, '')}`,
          `${AGAIN} The options of the application must have the same prefix ("${options.prefix}").`,
        ),
      ];
    }
    const expected = expectedParts(examined);
    const flavour = flavourIn(conf, names);
    if (flavour !== undefined && flavour !== options.flavour) {
      return [failed(`nginx runs with the flavour ${flavour}, and the options say ${options.flavour}`, AGAIN)];
    }
    if (!conf.includes(`${CONFIGURATION_HEADER} ${fingerprintOf(options)};`)) {
      return [
        failed('nginx runs with an older configuration: its fingerprint is another', AGAIN),
        ...ring(conf, expected, names),
      ];
    }
    const faults = [...ring(conf, expected, names), ...lacking(conf, expected, names)];
    return faults.length > 0 ? faults : [ok('nginx runs with the configuration of these options')];
  },
};

/** What `nginxConf()` writes for these options, line by line. */
function expectedParts({ given, deployment }: Examined): string[] {
  const { http, server } = nginxConf(given, { ...deployment, app: deployment.app ?? '127.0.0.1:3000' });
  return linesOf(http + server);
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The flavour, recognised by the directive that looks a page up. */
function flavourIn(conf: string, names: SiteNames): string | undefined {
  if (new RegExp(`js_content ${names.of('')}|js_import ${names.of('')}`).test(conf)) return 'njs';
  if (conf.includes(`srcache_fetch GET ${names.of('')}`)) return 'srcache';
  if (conf.includes(`memcached_pass ${names.of('memcached')}`)) return 'memcached';
  return undefined;
}

/** A line without the directory of a socket of nginx's own: `conf --out DIR` puts it into DIR, if the deployment names no `directory`. */
function anywhere(line: string): string {
  return line.replace(/^server unix:\S*\/(\w+_cache_(?:app|memcached)_\d+\.sock;)$/, 'server unix:$1');
}

/** With several servers, a page must be looked for where the application has put it. */
function ring(conf: string, expected: readonly string[], names: SiteNames): Finding[] {
  const name = names.of('memcached');
  const wanted = upstreamIn(expected, name);
  const installed = upstreamIn(linesOf(conf), name);
  if (wanted.length === 0 || wanted.map(anywhere).join('\n') === installed.map(anywhere).join('\n')) return [];
  return [
    failed(
      `upstream ${name} of nginx does not have the servers, weights and hash of \`store\`, so it looks for pages on other servers`,
      AGAIN,
      [`upstream ${name} {`, ...wanted.map((line) => `    ${line}`), '    …', '}'],
    ),
  ];
}

/** The lines that place a page. Their order counts. */
function upstreamIn(lines: readonly string[], name: string): string[] {
  const start = lines.findIndex((line) => line.startsWith(`upstream ${name} {`));
  if (start < 0) return [];
  const end = lines.indexOf('}', start);
  return lines.slice(start + 1, end).filter((line) => /^(?:server|hash|ip_hash|least_conn|random)\b/.test(line));
}

/** Lines that somebody has removed or changed by hand. */
function lacking(conf: string, expected: readonly string[], names: SiteNames): Finding[] {
  const installed = new Map<string, number>();
  for (const line of linesOf(conf).map(anywhere)) installed.set(line, (installed.get(line) ?? 0) + 1);
  const app = new Set(upstreamIn(expected, names.of('app')));
  const missing = expected.filter((line) => {
    const count = installed.get(anywhere(line)) ?? 0;
    installed.set(anywhere(line), count - 1);
    // Only nginx must know where things are on its machine.
    return count <= 0 && !app.has(line) && !/^(?:keepalive|location|include|js_import)\b/.test(line);
  });
  if (missing.length === 0) return [];
  const what = missing.includes('gunzip on;') ? ' (gunzip: clients that do not take gzip get packed bytes)' : '';
  return [
    failed(
      `lines of the configuration are missing in nginx, or have been changed${what}`,
      AGAIN,
      [...new Set(missing)].slice(0, 20),
    ),
  ];
}
