// Makes a fresh checkout runnable. It runs before there is a node_modules, so it imports nothing but Node.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Where servers are that an ordinary user's PATH does not show. */
const OTHER_PLACES = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
  '/usr/local/openresty/bin',
];

/** What does as well: lib/testing/find-program.ts takes the same for nginx, and test/dashboard/support/chromium.ts for the browser. */
const ALTERNATIVES = { nginx: ['angie', 'openresty'], chromium: ['chromium-browser', 'google-chrome'] };

/** Packages that are not called like the program they contain. */
const PACKAGES = {
  'apt-get': {
    'ngx_http_brotli_static_module.so': 'libnginx-mod-http-brotli-static',
    'ngx_http_js_module.so': 'libnginx-mod-http-js',
    'ngx_http_memc_module.so': 'libnginx-mod-http-memc',
    'ngx_http_srcache_filter_module.so': 'libnginx-mod-http-srcache-filter',
    'ngx_stream_module.so': 'libnginx-mod-stream',
    postgres: 'postgresql',
  },
  // Alpine has neither srcache nor memc.
  apk: {
    'ngx_http_brotli_static_module.so': 'nginx-mod-http-brotli',
    'ngx_http_js_module.so': 'nginx-mod-http-js',
    'ngx_stream_module.so': 'nginx-mod-stream',
    'redis-server': 'redis',
    postgres: 'postgresql',
  },
  dnf: { 'redis-server': 'redis', postgres: 'postgresql-server' },
  brew: { 'redis-server': 'redis', postgres: 'postgresql' },
};

/** Debian keeps the programs of each version of PostgreSQL in a directory of its own, with no link from the PATH. */
const POSTGRES_VERSIONS = '/usr/lib/postgresql';

/** In this order: a machine with apt may have brew as well. The script gets the packages as its arguments. */
const MANAGERS = [
  {
    name: 'apt-get',
    command: 'apt-get install -y --no-install-recommends',
    // Debian starts every server it installs, on its well-known port, unless policy-rc.d forbids it
    // (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt). The update may fail for a source that
    // has nothing to do with these packages.
    script: `
      policy=/usr/sbin/policy-rc.d
      if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\\nexit 101\\n' >"$policy" && chmod 755 "$policy"
      fi
      export DEBIAN_FRONTEND=noninteractive
      apt-get update -o DPkg::Lock::Timeout=120
      apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"`,
  },
  { name: 'apk', command: 'apk add --no-cache', script: 'apk add --no-cache "$@"' },
  { name: 'dnf', command: 'dnf install -y', script: 'dnf install -y "$@"' },
  { name: 'brew', command: 'brew install', script: 'brew install "$@"', asUser: true },
];

/**
 * Installs the npm packages when there are none or when package-lock.json is newer.
 *
 * @throws Error with npm's output when that fails
 */
export async function installPackages() {
  if (modified('node_modules/.package-lock.json') >= modified('package-lock.json')) return;
  // npm ci would empty what the link leads to.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return;
  console.log('Installing the npm packages (npm ci) …');
  // Without --include=dev, NODE_ENV=production would leave the tools out.
  await runQuietly('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
}

/** For a compiler of C and C++: tests need no fast code, and this takes a third of the time. */
const UNOPTIMISED = { CFLAGS: `${process.env.CFLAGS ?? ''} -O0`, CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -O0` };

/**
 * Tries to install a package that most machines must compile. Where that fails, its tests are skipped.
 *
 * @param {string} name the name of its folder
 * @param {string} source what npm installs there
 * @returns {Promise<boolean>} whether it is there
 */
export async function installOptional(name, source) {
  if (modified(`node_modules/${name}/package.json`) > 0) return true;
  console.log(`Installing ${name}, which may have to be compiled …`);
  const args = ['install', '--no-save', '--no-audit', '--no-fund', `${name}@${source}`];
  return runQuietly('npm', args, UNOPTIMISED).then(
    () => true,
    () => false,
  );
}

/**
 * Looks for server programs and modules of nginx, and installs missing ones where that needs no password.
 *
 * @param {{ needed: string[] }} programs by the names of their files
 * @returns {Promise<{ missing: string[], hint: string }>} those that are still missing, and what to type
 */
export async function installServers({ needed }) {
  const manager = MANAGERS.find(({ name }) => find(name));
  const prefix = manager && prefixFor(manager);
  const wanted = needed.filter((program) => !find(program));
  if (wanted.length > 0 && prefix !== undefined) {
    await install(manager, prefix, packagesFor(manager, wanted));
  }
  const missing = needed.filter((program) => !find(program));
  return { missing, hint: missing.length > 0 ? hintFor(manager, missing) : '' };
}

/**
 * Where a server program or a module of nginx is.
 *
 * @param {string} program the name of its file
 * @returns {string | undefined} the directory
 */
export function find(program) {
  const names = [program, ...(ALTERNATIVES[program] ?? [])];
  if (isModule(program)) return moduleDirectories().find((place) => isAt(place, program, constants.R_OK));
  return names.flatMap((name) => places().filter((place) => isAt(place, name, constants.X_OK)))[0];
}

function places() {
  const versions = existsSync(POSTGRES_VERSIONS) ? readdirSync(POSTGRES_VERSIONS) : [];
  return [
    ...(process.env.PATH ?? '').split(delimiter),
    ...OTHER_PLACES,
    ...versions.map((version) => join(POSTGRES_VERSIONS, version, 'bin')),
  ];
}

/** Where nginx looks for modules: every distribution has a place of its own. */
function moduleDirectories() {
  const program = ['nginx', ...ALTERNATIVES.nginx].flatMap((name) =>
    places().flatMap((place) => (isAt(place, name, constants.X_OK) ? join(place, name) : [])),
  )[0];
  if (!program) return [];
  // It writes them to stderr. Without --modules-path they are in the prefix (https://nginx.org/en/docs/configure.html).
  const { stderr } = spawnSync(program, ['-V'], { encoding: 'utf8' });
  const [, directory] = /--modules-path=(\S+)/.exec(stderr) ?? [];
  const [, prefix = '/usr/local/nginx'] = /--prefix=(\S+)/.exec(stderr) ?? [];
  return [directory ?? join(prefix, 'modules')];
}

function isAt(place, name, mode) {
  try {
    accessSync(join(place, name), mode);
    return true;
  } catch {
    return false;
  }
}

/** A module of nginx is read, not run. */
function isModule(program) {
  return program.endsWith('.so');
}

async function install(manager, prefix, packages) {
  if (packages.length === 0) return;
  console.log(`Installing ${packages.join(', ')} (${manager.name}) …`);
  try {
    const [program, ...args] = [...prefix, '/bin/sh', '-c', manager.script, manager.name, ...packages];
    await runQuietly(program, args);
  } catch (error) {
    console.log(error.message);
  }
}

/** @returns what to put before the command to be allowed to install; undefined when that is not possible */
function prefixFor({ asUser }) {
  if ((process.getuid?.() === 0) !== Boolean(asUser)) return [];
  return !asUser && find('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function hintFor(manager, missing) {
  if (!manager) return `Please install ${missing.join(', ')} (no package manager known here was found).`;
  const packages = packagesFor(manager, missing);
  if (packages.length === 0) return `No package of ${manager.name} is known here that has it.`;
  const sudo = manager.asUser || process.getuid?.() === 0 ? '' : 'sudo ';
  return `Please install what is missing: ${sudo}${manager.command} ${packages.join(' ')}`;
}

/** A program without a package of another name is in one of its own; for a module there may be none. */
function packagesFor(manager, programs) {
  return programs.flatMap((program) => PACKAGES[manager.name]?.[program] ?? (isModule(program) ? [] : program));
}

/** When a file of the project was last modified, in milliseconds; 0 when there is none. */
function modified(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Runs a command; its output goes to a file, and into the error when it fails. */
async function runQuietly(program, args, environment = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'a');
  try {
    const [code, signal] = await once(
      spawn(program, args, { cwd: root, stdio: ['ignore', log, log], env: { ...process.env, ...environment } }),
      'exit',
    );
    if (code === 0) return;
    const reason = signal ? `ended by ${signal}` : `exit code ${code}`;
    throw new Error(`${readFileSync(logFile, 'utf8')}\n${program} failed: ${reason}`);
  } finally {
    closeSync(log);
    rmSync(directory, { recursive: true });
  }
}
