import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findProgram } from '../../lib/testing/find-program.js';

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'path-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(path, { recursive: true });
});

function install(name: string): string {
  const file = join(path, name);
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

it('finds programs on the PATH', () => {
  const first = install('memcached');
  vi.stubEnv('PATH', `/nowhere:${path}:${process.env['PATH']}`);
  expect(findProgram('memcached')).toBe(first);
  rmSync(first);
  expect(findProgram('memcached')).toMatch(/^\/.*\/memcached$/);
});

it('prefers nginx to programs that take its configuration', () => {
  install('angie');
  install('openresty');
  vi.stubEnv('PATH', path);
  expect(findProgram('nginx')).toMatch(/\/nginx$/);
});

it('says how to install what is missing', async () => {
  vi.resetModules();
  vi.doMock('node:fs', () => ({
    constants: { X_OK: 1 },
    accessSync: () => {
      throw new Error('ENOENT');
    },
  }));
  const { findProgram: findNothing } = await import('../../lib/testing/find-program.js');
  vi.doUnmock('node:fs');
  expect(() => findNothing('memcached')).toThrow(
    /memcached is not installed \(looked in PATH and in .*apt-get install memcached \(Debian, Ubuntu\)/,
  );
});

it.each(['angie', 'openresty'])('takes %s where there is no nginx', async (name) => {
  vi.resetModules();
  vi.doMock('node:fs', () => ({
    constants: { X_OK: 1 },
    accessSync: (file: string) => {
      if (file !== `/usr/sbin/${name}`) throw new Error('ENOENT');
    },
  }));
  const { findProgram: findInPlaces } = await import('../../lib/testing/find-program.js');
  vi.doUnmock('node:fs');
  expect(findInPlaces('nginx')).toBe(`/usr/sbin/${name}`);
});
