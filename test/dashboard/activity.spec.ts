import { appendFileSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PageCacheDashboardModule } from '../../lib/dashboard/index.js';
import { startApplication } from '../support/applications.js';
import { runChild } from '../support/child-program.js';

const program = `
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Activity } from './lib/dashboard/activity/activity.js';
import { followLog } from './lib/dashboard/activity/activity-of-log.js';

const heap = async () => {
  for (let time = 0; time < 3; time += 1) { await delay(1); gc(); }
  return process.memoryUsage().heapUsed;
};
const line = (target: string) => '::1 - - [28/Nov/2026:21:00:00 +0000] "GET ' + target + ' HTTP/1.1" 200 5 "https://example.com/where-it-was" "Mozilla/5.0 (X11; Linux x86_64)" 0.260 "0.001, 0.250" "nestjs-nginx-cache; fwd=miss; detail=content-security-policy"\\n';

const directory = mkdtempSync(join(tmpdir(), 'activity-'));
const log = join(directory, 'access.log');
// In each megabyte, some addresses are new.
const lines = Array.from({ length: 200_000 }, (_, at) => line(at % 1000 === 0 ? '/posts/which-is-new/' + at : '/posts/which-everybody-reads'));
writeFileSync(log, lines.join(''));
lines.length = 0;
const closed = new AbortController();
const ofLog = new Activity({ kind: 'log', file: log });
const beforeLog = await heap();
const following = followLog(ofLog, log, closed.signal);
while (ofLog.view(1).summary.requests < 200_000) await delay(5);
const held = (await heap()) - beforeLog;
closed.abort();
await following;
rmSync(directory, { recursive: true });

const flooded = new Activity({ kind: 'application' });
const beforeFlood = await heap();
for (let at = 0; at < 40_000; at += 1) flooded.add('/?' + at + Buffer.alloc(8000, 'x').toString('latin1'), 'query', Date.now(), 0);
for (let at = 0; at < 40_000; at += 1) flooded.add('/', 'user ' + at, Date.now(), 0);
const { requests, outcomes } = flooded.view(3).summary;
console.log(JSON.stringify({ held, flood: (await heap()) - beforeFlood, kept: ofLog.view(1).summary.requests, requests, outcomes }));
`;

it('keeps neither the lines of a log in memory, nor the long addresses of a flood, nor each of endless reasons', async () => {
  const { code, output } = await runChild(program, { args: ['--expose-gc'] });
  expect(code, output).toBe(0);
  const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, number> & { outcomes: unknown[] };
  expect(result).toMatchObject({ kept: 200_000, requests: 80_000 });
  // The log has 40 MB, and the addresses of the flood 320 MB.
  expect(result['held']).toBeLessThan(10_000_000);
  expect(result['flood']).toBeLessThan(30_000_000);
  expect(result.outcomes.slice(0, 2)).toMatchObject([
    { outcome: 'query', count: 40_000 },
    { outcome: 'other reasons', count: 39_001 },
  ]);
});

it('says why the log cannot be read, and goes on as soon as it can; the application does not notice', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'activity-'));
  const log = join(directory, 'access.log');
  // Anything that can be opened and not be read.
  mkdirSync(log);
  const token = 'a-token-of-the-tests';
  const { app, url } = await startApplication({
    platform: 'express',
    imports: [PageCacheDashboardModule.forRoot({ token, log })],
  });
  const activity = async () => {
    const response = await fetch(`${url}/page-cache/api/activity`, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as object;
  };

  await expect.poll(activity).toMatchObject({ problem: expect.stringContaining('EISDIR') as string });
  rmdirSync(log);
  await expect.poll(activity).toMatchObject({ problem: expect.stringContaining('ENOENT') as string });
  writeFileSync(log, '');
  await expect.poll(activity).not.toHaveProperty('problem');
  appendFileSync(
    log,
    '::1 - - [28/Nov/2026:21:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 0.260 "0.001" "nginx; hit"\n',
  );
  await expect.poll(activity).toMatchObject({ summary: { requests: 1, hits: { nginx: 1 } } });
  appendFileSync(log, '::1 - - [1796000000.123] "GET / HTTP/1.1" 200 5 "-" "-" 0.260 "0.001" "nginx; hit"\n');
  await expect.poll(activity).toMatchObject({ summary: { requests: 1, unreadable: 1 } });
  await app.close();
  rmSync(directory, { recursive: true });
});
