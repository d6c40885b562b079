import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MemcachedServer } from '../../lib/testing/index.js';
import { installInto } from '../support/library.js';
import { directoryWith } from './support/run-command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };

let installed: string;
let main: string;
beforeAll(async () => {
  installed = mkdtempSync(join(tmpdir(), 'installed-'));
  await installInto(installed);
  main = join(installed, bin['nginx-cache'] ?? 'missing');
});
afterAll(() => rmSync(installed, { recursive: true }));

it('the installed command reads a configuration in TypeScript, which imports more of it', () => {
  using directory = directoryWith({
    'package.json': '{ "type": "module" }',
    'exclude.ts': "export const exclude: string[] = ['/admin/*'];",
    'nginx-cache.config.ts': `import { defineConfig, memcachedStore, type NginxDeployment } from 'nestjs-nginx-cache';
      import { exclude } from './exclude.js';
      export const deployment: NginxDeployment = { app: '127.0.0.1:3000' };
      export default defineConfig({ exclude, store: memcachedStore({ servers: '127.0.0.1:11211' }) });`,
  });
  mkdirSync(join(directory.path, 'node_modules'));
  symlinkSync(installed, join(directory.path, 'node_modules/nestjs-nginx-cache'));

  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'conf'], {
    cwd: directory.path,
    encoding: 'utf8',
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('memcached_pass');
  expect(stdout).toContain('admin');
  // npm makes the file executable, and the shell must know with what.
  expect(readFileSync(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

const APP = `
  import { appendFileSync } from 'node:fs';
  import { Controller, Get, Header, Module } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import { memcachedStore, NginxCacheModule } from 'nestjs-nginx-cache';

  const interrupted = new Promise((resolve) => process.once('SIGINT', resolve));
  class Posts {
    async post({ url }) {
      appendFileSync(process.env.RENDERED, url + '\\n');
      // The signal comes while this one is rendered.
      if (url === '/posts/9' && process.env.WAITS) await interrupted;
      return '<p>' + url;
    }
  }
  const post = Object.getOwnPropertyDescriptor(Posts.prototype, 'post');
  Get('posts/:id')(Posts.prototype, 'post', post);
  Header('content-type', 'text/html; charset=utf-8')(Posts.prototype, 'post', post);
  Req()(Posts.prototype, 'post', 0);
  Controller()(Posts);
  class App {}
  const store = memcachedStore({ servers: process.env.MEMCACHED });
  Module({ imports: [NginxCacheModule.forRoot({ hosts: ['example.com'], store })], controllers: [Posts] })(App);
  export const createApp = () => NestFactory.create(App);`;

/** The pages of which a publication in a pipe has said what became of them. */
function done(output: string): string[] {
  return Array.from(output.matchAll(/^\d+\/\d+ (?:published|skipped) (\S+)/gm), ([, path = '']) => path);
}

it('a publication that is interrupted says so, and goes on where it was', async () => {
  await using memcached = await MemcachedServer.start();
  const posts = Array.from({ length: 20 }, (_, id) => `/posts/${id}`);
  using directory = directoryWith({
    'package.json': '{ "type": "module" }',
    'app.js': APP.replace('Get, Header, Module', 'Get, Header, Module, Req'),
    'posts.txt': posts.join('\n'),
  });
  const modules = join(directory.path, 'node_modules');
  mkdirSync(modules);
  symlinkSync(installed, join(modules, 'nestjs-nginx-cache'));
  symlinkSync(join(root, 'node_modules/@nestjs'), join(modules, '@nestjs'));
  const publish = async (
    rendered: string,
    more: string[],
    waits: string,
    onText: (text: string, kill: () => void) => void = () => {},
  ) => {
    const args = [
      main,
      'publish',
      '--module',
      'app.js#createApp',
      '--from',
      'posts.txt',
      '--concurrency',
      '1',
      ...more,
    ];
    const env = {
      ...process.env,
      MEMCACHED: memcached.address,
      RENDERED: join(directory.path, rendered),
      WAITS: waits,
    };
    const child = spawn(process.execPath, args, { cwd: directory.path, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => onText((output += text), () => child.kill('SIGINT')));
    const [code] = (await once(child, 'close')) as [number | null];
    const text = readFileSync(join(directory.path, rendered), 'utf8');
    return { code, output, rendered: text.trim().split('\n') };
  };

  let isSent = false;
  const first = await publish('first', [], 'yes', (output, kill) => {
    if (isSent || !output.includes('9/20 ')) return;
    isSent = true;
    kill();
  });
  expect(first.code).toBe(130);
  expect(first.output).toContain('Go on with the same command and --resume nginx-cache-publish.done');
  expect(first.rendered).toEqual(posts.slice(0, first.rendered.length));
  expect(first.rendered.length).toBeLessThan(12);

  const second = await publish('second', ['--resume', 'nginx-cache-publish.done'], '');
  expect(second.code).toBe(0);
  // In order, and each of them once. The one that was under way is given up, and rendered again.
  expect([...done(first.output), ...done(second.output)]).toEqual(posts);
  expect(second.rendered).toEqual(done(second.output));
});
