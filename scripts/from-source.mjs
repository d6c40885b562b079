// nginx, its modules and memcached, built from source, for versions that no release of Debian has. It needs git, a C compiler, make, autoconf,
// automake, and the headers of PCRE2, OpenSSL, zlib and libevent: apt-get install build-essential autoconf automake libpcre2-dev libssl-dev
// zlib1g-dev libevent-dev
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const NEWEST = {
  'nginx/nginx': 'master',
  'nginx/njs': 'master',
  'openresty/srcache-nginx-module': 'master',
  'openresty/memc-nginx-module': 'master',
  'google/ngx_brotli': 'master',
  'memcached/memcached': 'master',
};

/** What is built: a branch or a tag of each repository on GitHub. */
export const BUILDS = {
  mainline: NEWEST,
  quickjs: { ...NEWEST, 'bellard/quickjs': 'master' },
  oldest: {
    'nginx/nginx': 'release-1.22.0',
    'nginx/njs': '0.7.9',
    'openresty/srcache-nginx-module': 'v0.33',
    'openresty/memc-nginx-module': 'v0.20',
    'google/ngx_brotli': 'master',
    'memcached/memcached': '1.6.13',
  },
};

/**
 * Builds one of `BUILDS`, unless it is there.
 *
 * @returns the directory of the programs
 */
export function buildFromSource(directory, name) {
  const bin = join(directory, 'bin');
  if (existsSync(bin)) return bin;
  const sources = BUILDS[name];
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [repository, version] of Object.entries(sources)) {
    const url = `https://github.com/${repository}`;
    run(directory, 'git', 'clone', '--quiet', '--depth', '1', '--branch', version, url, repository.split('/')[1]);
  }
  const at = (repository) => join(directory, repository);
  const jobs = `-j${availableParallelism()}`;
  const hasQuickjs = existsSync(at('quickjs'));
  if (hasQuickjs) {
    run({ cwd: at('quickjs'), env: { CFLAGS: '-fPIC' } }, 'make', jobs, 'libquickjs.a');
    makeQuickjsTheDefault(at('njs/nginx/ngx_js.c'));
  }
  configure(directory, hasQuickjs);
  run(at('nginx'), 'make', jobs);
  run(at('nginx'), 'make', 'install');
  run(at('memcached'), './autogen.sh');
  run(at('memcached'), './configure', '--enable-tls');
  // It would make errors of the warnings of newer compilers (-Werror).
  run(at('memcached'), 'make', jobs, 'CFLAGS=-O2 -pthread', 'memcached');
  // Last: it says that all is built.
  mkdirSync(bin);
  symlinkSync(at('installed/nginx'), join(bin, 'nginx'));
  symlinkSync(at('memcached/memcached'), join(bin, 'memcached'));
  return bin;
}

function configure(directory, hasQuickjs) {
  const at = (name) => join(directory, name);
  const modules = ['njs/nginx', 'srcache-nginx-module', 'memc-nginx-module', 'ngx_brotli/static'];
  const places = { prefix: '', 'sbin-path': '/nginx', 'modules-path': '/modules' };
  const quickjs = [`--with-cc-opt=-I${at('quickjs')}`, `--with-ld-opt=-L${at('quickjs')}`];
  run(
    { cwd: at('nginx'), env: { NJS_LIBXSLT: 'NO', NJS_QUICKJS: hasQuickjs ? 'YES' : 'NO' } },
    './auto/configure',
    ...Object.entries(places).map(([option, place]) => `--${option}=${at('installed')}${place}`),
    ...['compat', 'threads', 'stream=dynamic'].map((option) => `--with-${option}`),
    ...['ssl', 'v2', 'realip', 'auth_request', 'slice', 'gunzip', 'gzip_static', 'sub', 'stub_status', 'addition'].map(
      (name) => `--with-http_${name}_module`,
    ),
    '--with-stream_ssl_module',
    ...modules.map((name) => `--add-dynamic-module=${at(name)}`),
    ...(hasQuickjs ? quickjs : []),
  );
}

/** Otherwise each configuration would have to say `js_engine qjs`. */
function makeQuickjsTheDefault(file) {
  const code = readFileSync(file, 'utf8');
  const changed = code.replaceAll(/(merge_uint_value\(conf->type, prev->type, )NGX_ENGINE_NJS\b/g, '$1NGX_ENGINE_QJS');
  if (changed === code) throw new Error(`${file} does not say which engine is the default.`);
  writeFileSync(file, changed);
}

function run(where, program, ...args) {
  const { cwd, env = {} } = typeof where === 'string' ? { cwd: where } : where;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`.slice(-4000), { cause: error });
}
