import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, symlinkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { directoryWith } from './support/run-command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
const main = join(root, bin['nginx-cache'] ?? 'missing');

/** `npm test` has built it before; narrow runs have not. */
beforeAll(() => {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  const latest = Math.max(...sources.map((source) => statSync(join(root, 'lib', source)).mtimeMs));
  if ((statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0) > latest) return;
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stdout);
});

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
  symlinkSync(root, join(directory.path, 'node_modules/nestjs-nginx-cache'));

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
