import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NamedFinding } from '../../../lib/cli/doctor/examine.js';
import { memcachedStore, nginxConf } from '../../../lib/index.js';
import { findProgram } from '../../../lib/testing/find-program.js';
import { modulesDirectory } from '../../support/nginx-modules.js';
import { directoryWith, runCommand } from '../support/run-command.js';

const options = {
  prefix: 'cli:',
  hosts: ['example.com'],
  store: memcachedStore({ servers: '127.0.0.1:11211' }),
  bypassToken: 'a-token-of-forty-characters-in-this-test',
};
const configuration = (changes = '') => `
  import { memcachedStore } from 'nestjs-nginx-cache';
  export const deployment = { app: '127.0.0.1:3000' };
  export default {
    prefix: 'cli:',
    hosts: ['example.com'],
    store: memcachedStore({ servers: '127.0.0.1:11211' }),
    bypassToken: '${options.bypassToken}',
    ${changes}
  };`;

describe('nginx-cache conf', () => {
  it('writes what nginxConf() gives, the secret for nobody else, and nginx takes it', async () => {
    using directory = directoryWith({ 'nginx-cache.config.mjs': configuration() });
    const out = join(directory.path, 'out');
    const expected = nginxConf(options, { app: '127.0.0.1:3000', directory: out });

    const ran = await runCommand(['conf', '--out', 'out', '--full', '--test'], { cwd: directory.path });

    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('test is successful');
    expect(readFileSync(join(out, 'nginx.conf'), 'utf8')).toBe(expected.full);
    const [secret = ''] = Object.keys(expected.files);
    expect(readFileSync(join(out, secret), 'utf8')).toBe(expected.files[secret]);
    expect(statSync(join(out, secret)).mode & 0o777).toBe(0o600);
  });

  it('finds the configuration among the sources of the application, too', async () => {
    using directory = directoryWith({ 'src/nginx-cache.config.mjs': configuration() });
    expect(await runCommand(['conf'], { cwd: directory.path })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cli:') as string,
    });
  });

  it('shows the pieces on the terminal, without the secret, and says that there is more', async () => {
    using directory = directoryWith({ 'nginx-cache.config.mjs': configuration() });

    const { code, stdout, stderr } = await runCommand(['conf'], { cwd: directory.path });

    expect(code).toBe(0);
    const { http, server } = nginxConf(options, { app: '127.0.0.1:3000' });
    expect(stdout).toBe(`# http.conf: inside http {}\n${http}\n# server.conf: inside server {}\n${server}`);
    expect(stderr).toBe('It needs files besides: --out DIR writes them.\n');
    const { stdout: json } = await runCommand(['conf', '--json'], { cwd: directory.path });
    expect(JSON.parse(json)).toEqual({ files: { 'http.conf': http, 'server.conf': server } });
    expect(stdout + json).not.toContain(options.bypassToken);
  });

  it('says what differs from what is installed, and writes nothing', async () => {
    using directory = directoryWith({ 'nginx-cache.config.mjs': configuration() });
    const cwd = directory.path;
    await runCommand(['conf', '--out', 'out'], { cwd });
    const same = await runCommand(['conf', '--diff', '--out', 'out'], { cwd });
    expect(same).toMatchObject({ code: 0, stdout: '' });
    const installed = readFileSync(join(cwd, 'out/http.conf'), 'utf8');
    writeFileSync(join(cwd, 'other.config.mjs'), configuration("exclude: ['/admin/*'],"));

    const other = await runCommand(['conf', '--diff', '--out', 'out', '--config', 'other.config.mjs'], { cwd });

    expect(other.code).toBe(1);
    expect(other.stdout).toMatch(/^\+.*admin/m);
    expect(readFileSync(join(cwd, 'out/http.conf'), 'utf8')).toBe(installed);
    // It colours on a terminal alone.
    expect(other.stdout).not.toContain('\u001B[');
    const coloured = await runCommand(['conf', '--diff', '--out', 'out', '--config', 'other.config.mjs'], {
      cwd,
      isTTY: true,
    });
    expect(coloured.stdout).toContain('\u001B[32m+');
  });

  it('shows what nginx refuses, and installs nothing', async () => {
    using directory = directoryWith({
      'nginx-cache.config.mjs': configuration()
        .replace("'127.0.0.1:3000'", "'127.0.0.1:3000', modulesDirectory: '/none'")
        .replace('prefix:', "nginx: { flavour: 'njs' }, prefix:"),
    });
    const ran = await runCommand(['conf', '--test', '--out', 'out'], { cwd: directory.path });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('/none/ngx_http_js_module.so');
    expect(existsSync(join(directory.path, 'out'))).toBe(false);
  });

  it.each([
    [
      'srcache',
      "nginx: { flavour: 'srcache' },",
      '',
      /Install libnginx-mod-http-(?:srcache-filter|memc) .*modulesDirectory/,
    ],
    ['njs', "nginx: { flavour: 'njs' },", '', /Install libnginx-mod-http-js .*modulesDirectory/],
    ['brotli', "store: fileStore({ root: '/tmp/pages', brotli: true }),", '', /-brotli-static .*modulesDirectory/],
    [
      'a resolver',
      '',
      "resolver: '127.0.0.11', app: 'blog.example:3000',",
      /Install libnginx-mod-stream .*modulesDirectory/,
    ],
    [
      'a resolver of a newer nginx',
      '',
      "resolver: '127.0.0.11', app: 'blog.example:3000', nginxVersion: '1.28',",
      /Set nginxVersion of the/,
    ],
  ])('says which module nginx lacks for %s', async (_, options, deployment, cure) => {
    using directory = directoryWith({
      'nginx-cache.config.mjs': configuration(options)
        .replace('{ memcachedStore', '{ fileStore, memcachedStore')
        .replace("app: '127.0.0.1:3000'", `app: '127.0.0.1:3000', ${deployment}`),
    });
    const { code, stdout } = await runCommand(['conf', '--test'], { cwd: directory.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(cure) as string });
  });

  it('puts sockets of nginx into --out, where doctor finds them', async () => {
    using directory = directoryWith({
      'nginx-cache.config.mjs': `import { memcachedStore } from 'nestjs-nginx-cache';
        export const deployment = {
          app: '127.0.0.1:3000', resolver: '127.0.0.11', modulesDirectory: '${modulesDirectory('stream')}',
        };
        const store = memcachedStore({ servers: 'memcached.invalid:11211' });
        export default { prefix: 'out:', hosts: ['example.com'], store };`,
    });
    const cwd = directory.path;
    expect(await runCommand(['conf', '--full', '--out', 'out'], { cwd })).toMatchObject({ code: 0 });
    const args = ['doctor', '--conf', 'out/nginx.conf', '--nginx', findProgram('nginx'), '--json'];
    const { stdout } = await runCommand(args, { cwd });
    const { findings } = JSON.parse(stdout) as { findings: NamedFinding[] };
    expect(findings.filter(({ check }) => check === 'configuration')).toEqual([
      { check: 'configuration', status: 'ok', what: 'nginx runs with the configuration of these options' },
    ]);
  });

  it.each([
    ['no configuration', {}, ['conf'], 'There is no nginx-cache.config.{ts,js,mjs} in '],
    ['no options', { 'nginx-cache.config.mjs': '' }, ['conf'], 'Export by default what forRoot() is given'],
    ['a wrong option', { 'nginx-cache.config.mjs': 'export default { ttl: "5m" }' }, ['conf', '--app', 'a:1'], 'ttl: '],
    [
      'no application',
      { 'nginx-cache.config.mjs': 'export default {}' },
      ['conf'],
      'or give it here: --app 127.0.0.1:3000',
    ],
    ['a faulty file', { 'nginx-cache.config.mjs': 'no(' }, ['conf'], 'cannot be loaded: '],
    [
      'no nginx',
      { 'nginx-cache.config.mjs': configuration() },
      ['conf', '--test', '--nginx', 'no-nginx'],
      '--nginx /usr/sbin/nginx',
    ],
    ['an unknown command', {}, ['cnof'], 'Did you mean conf?'],
    ['an unknown option', {}, ['conf', '--tset'], 'Did you mean --test?'],
  ])('refuses %s with what to do, and exit code 2', async (_, files, args, cure) => {
    using directory = directoryWith(files);
    const { code, stdout, stderr } = await runCommand(args, { cwd: directory.path });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(cure);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(4);
  });
});
