// node scripts/empty-systems.mjs [bookworm trixie]: follows the README on empty systems, as root and as an ordinary user.
// It needs root and debootstrap. Everything happens in a temporary directory, which it removes.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** An empty system has no Node. Each gets one of the versions that are supported, and the command of the newest Nest that runs on it. */
const SYSTEMS = {
  bookworm: { node: 20, nest: '@nestjs/cli@11 new app' },
  trixie: { node: 24, nest: '@nestjs/cli@12 new app --no-observe' },
};

/** `home` is where the checkout and the application are. */
const ROOT = { name: 'root', home: '/root' };
const NEWCOMER = { name: 'newcomer', home: '/home/newcomer' };

/** What the demo says when it has no servers, and when all was as it should be. */
const WITHOUT_SERVERS = /Please install what is missing: sudo apt-get install/;
const HIT = /HIT +nginx; hit/;

const chosen = process.argv.slice(2);
const unknown = chosen.find((suite) => !Object.hasOwn(SYSTEMS, suite));
if (unknown) throw new Error(`${unknown}: the systems are ${Object.keys(SYSTEMS).join(', ')}.`);
if (process.getuid() !== 0) throw new Error('debootstrap and chroot need root.');

const directory = mkdtempSync(join(tmpdir(), 'empty-systems-'));
try {
  run('git', 'clone', '--quiet', '--depth', '1', `file://${root}`, join(directory, 'checkout'));
  run('npm', 'run', 'build');
  run('npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  const archive = readdirSync(directory).find((name) => name.endsWith('.tgz'));
  for (const suite of chosen.length > 0 ? chosen : Object.keys(SYSTEMS)) {
    const system = join(directory, suite);
    create(system, suite);
    demos(system);
    for (const user of [NEWCOMER, ROOT]) application(system, user, SYSTEMS[suite].nest, archive);
    rmSync(system, { recursive: true });
    console.log(`ok ${suite}`);
  }
} finally {
  rmSync(directory, { recursive: true });
}

/** An empty system with Node, a user, a checkout for each user and the packed library. */
function create(system, suite) {
  run('debootstrap', '--variant=minbase', '--include=ca-certificates,curl', suite, system);
  // A container resolves names as its host does, and no server of a package may start by itself: the host's ports may be taken.
  cpSync('/etc/resolv.conf', join(system, 'etc/resolv.conf'), { dereference: true });
  writeFileSync(join(system, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n');
  chmodSync(join(system, 'usr/sbin/policy-rc.d'), 0o755);
  writeFileSync(join(system, 'etc/apt/apt.conf.d/90yes'), 'APT::Get::Assume-Yes "true";\n');
  // It trusts what its host trusts: a proxy may stand before the registry. npm asks Node, which has a list of its own.
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  cpSync(certificates, join(system, certificates));
  writeFileSync(join(system, 'etc/profile.d/certificates.sh'), `export NODE_EXTRA_CA_CERTS=${certificates}\n`);
  // Node and npm are packages of npm, too.
  const node = join(system, 'opt/node');
  run('npm', 'install', '--prefix', node, '--no-audit', '--no-fund', `node@${SYSTEMS[suite].node}`, 'npm@11');
  inside(system, ROOT, 'ln -s /opt/node/node_modules/.bin/* /usr/local/bin/');
  inside(system, ROOT, 'useradd --create-home --shell /bin/bash newcomer');
  for (const { name, home } of [ROOT, NEWCOMER]) {
    cpSync(join(directory, 'checkout'), join(system, home, 'checkout'), { recursive: true });
    inside(system, ROOT, `chown -R ${name} ${home}`);
  }
  mkdirSync(join(system, 'srv'), { recursive: true });
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.tgz')))
    cpSync(join(directory, file), join(system, 'srv', file));
}

/** "See it run": without servers, which an ordinary user may not install; as root, who may; and then as an ordinary user again. */
function demos(system) {
  const demo = 'cd checkout && npm start -- --once';
  expect(inside(system, NEWCOMER, demo), WITHOUT_SERVERS);
  expect(inside(system, ROOT, demo), HIT);
  expect(inside(system, NEWCOMER, demo), HIT);
}

/** "Install", in a new application of Nest. */
function application(system, user, nest, archive) {
  inside(system, user, `npx --yes ${nest} --package-manager npm --skip-git </dev/null`);
  const [install, prepare, start] = blocks('sh').map(({ text }) => text);
  inside(system, user, `cd app && ${install.replace('nestjs-nginx-cache', `/srv/${archive}`)}`);
  for (const { text, file } of blocks('ts')) if (file) write(join(system, user.home, 'app', file), text);
  for (const line of prepare.trim().split('\n')) {
    const [, command = line] = /^sudo (.*)$/.exec(line) ?? [];
    const who = command === line ? user : ROOT;
    inside(system, who, `cd ${user.home}/app && USER=${user.name} && ${command}`);
  }
  // On a busy machine, memcached may answer nginx too late, and then the application answers.
  const again = `for try in 1 2 3 4 5 6 7 8 9; do sleep 1\n${start.trim().split('\n').at(-1)}\ndone`;
  // As the service of Debian does it.
  const memcached = 'runuser -u nobody -- memcached -d -l 127.0.0.1';
  const output = inside(
    system,
    user,
    `cd app && npm run build && (npm run start:prod &) && timeout 300 bash -c 'until (: </dev/tcp/127.0.0.1/3000) 2>/dev/null; do sleep 1; done'\n${start}${again}`,
    memcached,
  );
  expect(output, /nestjs-nginx-cache; fwd=miss; stored[\s\S]*Cache-Status: nginx; hit/);
  rmSync(join(system, user.home, 'app'), { recursive: true });
}

/** The blocks of "Install" in the README, with the file that each names in its first line. */
function blocks(language) {
  const [, section] = /^## Install\n(.*?)^## /ms.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  return Array.from(section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')), ([, text]) => ({
    text,
    file: /^\/\/ (src\/\S+)\n/.exec(text)?.[1],
  }));
}

/** The module of the new application keeps its controller. The service of posts belongs to an application with a database. */
function write(path, text) {
  if (path.endsWith('posts.service.ts')) return;
  if (!path.endsWith('app.module.ts')) return writeFileSync(path, text);
  const [, imports, entry] = /^(import .*?)\n\n.*imports: \[(.*?)\] \}\)/ms.exec(text.replace(/^\/\/.*\n/, ''));
  const own = imports.split('\n').filter((line) => !line.includes('@nestjs/common'));
  const module = readFileSync(path, 'utf8').replace('imports: []', `imports: [${entry}]`);
  writeFileSync(path, `${own.join('\n')}\n${module}`);
}

/**
 * Runs a command as a user who has just logged in.
 *
 * @param service what root starts before; with it, the command has a network of its own, where every port is free
 * @returns what it wrote
 */
function inside(system, { name }, command, service) {
  const login = ['chroot', system, 'su', '--login', name, '--command', command];
  const prepared = `mount -t proc proc ${system}/proc && mount --rbind /dev ${system}/dev && ${
    service ? `ip link set lo up && chroot ${system} ${service} &&` : ''
  } exec "$@"`;
  // Whatever is still running at the end ends with the namespace.
  const namespace = ['--mount', '--pid', '--fork', '--kill-child', ...(service ? ['--net'] : [])];
  console.log(`\n${name} $ ${command}`);
  return run('unshare', ...namespace, 'sh', '-c', prepared, 'sh', ...login);
}

function expect(output, pattern) {
  if (!pattern.test(output)) throw new Error(`${pattern} is not in what it wrote.`);
}

function run(program, ...args) {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  process.stdout.write(stdout ?? '');
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`, { cause: error });
  return stdout;
}
