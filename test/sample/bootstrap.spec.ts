import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const script = pathToFileURL('scripts/bootstrap.mjs').href;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bootstrap-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** What `find()` returns where a program says so of its build. */
function findWith(program: string, build: string, name: string): string {
  writeFileSync(join(root, program), `#!/bin/sh\necho '${build}' >&2\n`);
  chmodSync(join(root, program), 0o755);
  const code = `import { find } from '${script}'; console.log(find('${name}'))`;
  const env = { ...process.env, PATH: `${root}:${process.env['PATH']}` };
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', env }).trim();
}

it('looks for modules where nginx says that they are', () => {
  mkdirSync(join(root, 'modules'));
  writeFileSync(join(root, 'modules/ngx_http_js_module.so'), '');
  const directory = join(root, 'modules');
  expect(findWith('nginx', `configure arguments: --modules-path=${directory} --with-x`, 'ngx_http_js_module.so')).toBe(
    directory,
  );
  expect(findWith('nginx', `configure arguments: --prefix=${root} --with-x`, 'ngx_http_js_module.so')).toBe(directory);
  expect(findWith('nginx', `configure arguments: --prefix=${root}`, 'ngx_http_memc_module.so')).toBe('undefined');
});
