import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installInto } from '../support/library.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

interface Results {
  readonly machine: { readonly cores: number };
  readonly parts: readonly {
    readonly kind: string;
    readonly title: string;
    readonly results: readonly { readonly name: string; readonly requestsPerSecond: { readonly median: number } }[];
  }[];
}

/** A copy of `bench/` with a build of its own: others may be building while this runs. */
let copy: string;
beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'bench-spec-'));
  cpSync(join(root, 'bench'), join(copy, 'bench'), { recursive: true });
  await installInto(copy);
});
afterAll(() => rmSync(copy, { recursive: true }));

describe('npm run bench', () => {
  const bench = (...args: string[]) => run(process.execPath, [join(copy, 'bench/bench.mjs'), ...args], { cwd: copy });

  it('checks, measures and reports what it is told to', async () => {
    const results = join(copy, 'results');
    const only = '(30 KB|latencies).*/ (memcached|srcache|njs|files|proxy_cache, gzip on|memoryStore.*)$';
    const { stdout } = await bench('--quick', '--only', only, '--results', results);
    const inFront = ['memcached', 'srcache', 'njs', 'files', 'proxy_cache, gzip on'];
    const { machine, parts } = JSON.parse(readFileSync(join(results, 'bench.json'), 'utf8')) as Results;
    expect(machine.cores).toBeGreaterThan(0);
    expect(parts.map(({ kind, title, results: all }) => [kind, title, all.map(({ name }) => name)])).toEqual([
      ['throughput', 'hits of 30 KB, in front of Node', inFront],
      ['latency', 'latencies at 2000 requests a second, in front of Node', inFront],
      ['throughput', 'hits of 30 KB, by Express', ['memoryStore()']],
      ['latency', 'latencies at 400 requests a second, by Express', ['memoryStore()']],
      ['throughput', 'hits of 30 KB, by Fastify', ['memoryStore()']],
      ['latency', 'latencies at 400 requests a second, by Fastify', ['memoryStore()']],
    ]);
    for (const { title, results: all } of parts) {
      expect(stdout).toContain(title);
      for (const { requestsPerSecond } of all) expect(requestsPerSecond.median).toBeGreaterThan(0);
    }
    const picture = readFileSync(join(results, 'hits.svg'), 'utf8');
    for (const name of inFront) expect(picture).toContain(`>${name}</text>`);
  });

  it('says what it does not know', async () => {
    await expect(bench('--fast')).rejects.toThrow("Unknown option '--fast'");
    await expect(bench('--quick', '--only', 'no such thing')).rejects.toThrow(
      '--only no such thing: nothing is called that',
    );
  });
});
