import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../lib/testing/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TOUR = [/1st visit .* MISS/, /2nd visit .* HIT /, /comment .* purged/, /3rd visit .* MISS/, /4th visit .* HIT /];
const READERS = [/ann .* HIT .*: ann: 1 comment\n/, /nobody .* HIT .*: Log in\n/];

/** It builds the library and the sample first, in milliseconds. */
const TIMEOUT = 400_000;
const WAIT = { timeout: TIMEOUT, interval: 100 };

describe('npm start', { timeout: 2 * TIMEOUT }, () => {
  let child: ChildProcess;
  let output = '';

  function run(...args: string[]): void {
    output = '';
    child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', (text) => (output += String(text)));
    child.stderr?.on('data', (text) => (output += String(text)));
  }

  // Not SIGKILL: it must still stop its servers.
  afterEach(async () => {
    if (child.kill('SIGTERM')) await once(child, 'exit');
  });

  it.each([
    { flavour: 'memcached', directive: 'memcached_pass', signal: 'SIGINT' },
    { flavour: 'srcache', directive: 'srcache_fetch', signal: 'SIGTERM' },
    { flavour: 'njs', directive: 'js_content', signal: 'SIGINT' },
    { flavour: 'files', directive: 'try_files', signal: 'SIGTERM' },
  ] as const)(
    'gives the tour with the flavour $flavour, serves the blog, and ends at $signal without a trace',
    async ({ flavour, directive, signal }) => {
      const port = await freePort();
      run('scripts/start.mjs', '--port', String(port), ...(flavour === 'memcached' ? [] : ['--flavour', flavour]));
      const failed = once(child, 'exit').then(() => Promise.reject(new Error(output)));
      failed.catch(() => {});
      await Promise.race([vi.waitFor(() => expect(output).toContain('Ctrl-C stops everything'), WAIT), failed]);
      expect(output).toMatch(new RegExp(`flavour +${flavour}: `));
      expect(output.includes('memcached.sock')).toBe(flavour !== 'files');
      for (const line of [...TOUR, ...READERS]) expect(output).toMatch(line);
      expect((await fetch(`http://127.0.0.1:${port}/`)).headers.get('cache-status')).toMatch(
        /nginx; hit|fwd=miss; stored/,
      );
      const conf = /nginx\.conf +(\S+)/.exec(output)?.[1] ?? '';
      expect(readFileSync(conf, 'utf8')).toContain(` ${directive} `);

      child.kill(signal);

      expect(await once(child, 'exit')).toEqual([0, null]);
      expect(existsSync(dirname(conf))).toBe(false);
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
    },
  );

  it('spreads the pages over three memcacheds, stops one of them, and ends when it is back', async () => {
    run('scripts/start.mjs', '--servers', '3', '--port', String(await freePort()), '--once');
    expect(await once(child, 'exit'), output).toEqual([0, null]);
    for (const line of [...TOUR, ...READERS]) expect(output).toMatch(line);
    for (const name of ['memcached1', 'memcached2', 'memcached3']) expect(output).toContain(`${name}.sock`);
    expect(output).toMatch(/ 0 MISS\n.*stopped +memcached2: .*\n.* HIT .*\n.*started +memcached2\n(.*\n)*.* 0 MISS\n/);
  });

  it('gives the same tour where there is no nginx, and ends after it', async () => {
    run(
      '-e',
      `import('./sample/dist/demo/demo.js')
      .then(({ demo }) => demo({ flavour: 'srcache', memcacheds: 1, once: true, without: 'Not found: nginx. Type: …' }))
      .then((code) => process.exit(code))`,
    );
    expect(await once(child, 'exit'), output).toEqual([0, null]);
    expect(output).toContain('Not found: nginx. Type: …');
    for (const line of [...TOUR, ...READERS]) expect(output).toMatch(line);
  });

  it.each([
    [['--port', '0'], '--port 0: a whole number from 1 to 65535'],
    [['--flavour', 'redis'], '--flavour redis: a flavour is one of memcached, srcache, njs, files.'],
    [['--servers', '17'], '--servers 17: a whole number from 1 to 16'],
    [['--servers', '3', '--flavour', 'files'], '--servers 3: files are on no server.'],
    [['--twice'], "Unknown option '--twice'"],
  ])('refuses %j', async (args, message) => {
    run('scripts/start.mjs', ...args);
    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(output).toContain(message);
    expect(output).toContain('Usage: npm start');
  });
});
