// node scripts/versions.mjs [--only trixie,sid,node22,node24,mainline,quickjs,oldest] [patterns]: runs specs with other versions of nginx, memcached
// and Node. It installs nothing: packages are unpacked into a directory of their own, and run from there (Debian on amd64 only); `mainline`, `quickjs`
// and `oldest` are built from source there.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUILDS, buildFromSource } from './from-source.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is unpacked stays here for the next run. */
const CACHE = join(tmpdir(), 'nestjs-nginx-cache-versions');

const ALL = ['trixie', 'sid', 'node22', 'node24', ...Object.keys(BUILDS)];

const PACKAGES = [
  'memcached',
  'nginx',
  'libnginx-mod-http-brotli-static',
  'libnginx-mod-http-js',
  'libnginx-mod-http-memc',
  'libnginx-mod-http-srcache-filter',
  'libnginx-mod-stream',
];

const PATTERNS = ['test/nginx', 'test/stores/memcached', 'test/testing'];

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const targets = values.only?.split(',') ?? ALL;
const unknown = targets.find((target) => !ALL.includes(target));
if (unknown) throw new Error(`--only ${unknown}: it takes ${ALL.join(', ')}.`);

const results = targets.map((target) => {
  const directory = join(CACHE, target);
  mkdirSync(directory, { recursive: true });
  const programs = programsOf(target, directory);
  const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` };
  const patterns = positionals.length > 0 ? positionals : PATTERNS;
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', '!TypeORM*', '--maxWorkers=1'];
  const { status } = spawnSync('node', [...vitest, ...patterns], { cwd: root, env, stdio: 'inherit' });
  return { target, versions: versions(env), outcome: status === 0 ? 'passed' : 'FAILED' };
});
console.table(results);
process.exitCode = results.every(({ outcome }) => outcome === 'passed') ? 0 : 1;

function programsOf(target, directory) {
  if (target.startsWith('node')) return node(directory, target.slice('node'.length));
  return target in BUILDS ? buildFromSource(directory, target) : debian(directory, target);
}

/** Node is a package of npm, too. */
function node(directory, major) {
  // Its own script would leave a program behind in the package that it installs, but npm may be told to run no scripts.
  run('npm', ['install', '--prefix', directory, '--no-audit', '--no-fund', `node@${major}`]);
  return join(directory, 'node_modules/node/bin');
}

function debian(directory, suite) {
  const unpacked = join(directory, 'root');
  const libraries = join(unpacked, 'usr/lib/x86_64-linux-gnu');
  if (!existsSync(libraries)) unpack(directory, suite, unpacked);
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const start = `${libraries}/ld-linux-x86-64.so.2 --library-path ${libraries} --argv0`;
  script(join(bin, 'memcached'), `exec ${start} memcached ${unpacked}/usr/bin/memcached "$@"`);
  // What it says of itself has to lead to its own modules, and not to those of the machine.
  script(
    join(bin, 'nginx'),
    `if [ "$1" = -V ]; then
  ${start} nginx ${unpacked}/usr/sbin/nginx -V 2>&1 | sed 's#--modules-path=#&${unpacked}#' >&2
else
  exec ${start} nginx ${unpacked}/usr/sbin/nginx "$@"
fi`,
  );
  return bin;
}

/** Downloads packages with the libraries that they need, by an apt that has a state of its own. */
function unpack(directory, suite, unpacked) {
  const state = join(directory, 'apt');
  for (const name of ['lists/partial', 'archives/partial', 'sources.d'])
    mkdirSync(join(state, name), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(state, 'sources.list'), `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite} main\n`);
  const settings = {
    'APT::Sandbox::User': 'root',
    'Dir::Etc::sourcelist': join(state, 'sources.list'),
    'Dir::Etc::sourceparts': join(state, 'sources.d'),
    'Dir::State': state,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': state,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  run('apt-get', [...options, 'update']);
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const needed = run('apt-cache', [...options, 'depends', '--recurse', ...kinds, ...PACKAGES])
    .split('\n')
    .filter((name) => PACKAGES.includes(name) || /^lib[a-z0-9.+-]+$/.test(name));
  // Where several packages provide a library, the names of all are there, and some are of no package.
  const real = needed.filter((name) => /^Filename: /m.test(run('apt-cache', [...options, 'show', name], [0, 100])));
  run('apt-get', [...options, 'download', ...new Set(real)], [0], state);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  for (const archive of readdirSync(state).filter((name) => name.endsWith('.deb'))) {
    run('dpkg-deb', ['-x', join(state, archive), unpacked]);
  }
  rmSync(state, { recursive: true });
}

function script(file, text) {
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

function versions(env) {
  const of = (program, ...args) => {
    const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
    return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0];
  };
  return `Node ${of('node', '-v')}, nginx ${of('nginx', '-v')}, memcached ${of('memcached', '-V')}`;
}

function run(program, args, allowed = [0], cwd = root) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (!allowed.includes(status)) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}
