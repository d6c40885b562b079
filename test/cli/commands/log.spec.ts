import { once } from 'node:events';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Controller, Get, Header } from '@nestjs/common';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LogReader, type LogSummary } from '../../../lib/operations/log/log-summary.js';
import { parseAccess } from '../../../lib/nginx/access-log.js';
import { type Site, startSite } from '../../support/site.js';
import { directoryWith, runCommand } from '../support/run-command.js';

@Controller()
class PagesController {
  @Get('posts/:id')
  @Header('content-type', 'text/html; charset=utf-8')
  post() {
    return '<p>post';
  }

  @Get('basket')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('set-cookie', 'basket=1')
  basket() {
    return '<p>basket';
  }
}

let site: Site;
let file: string;

beforeAll(async () => {
  site = await startSite({ platform: 'express', controllers: [PagesController] });
  file = join(site.nginx.directory, 'access.log');
  // Hits and misses of which nobody knows how many, should memcached be late; the rest is exact.
  await vi.waitUntil(async () => (await site.get('/posts/1')).status === 'nginx; hit', { timeout: 60_000 });
  for (let visit = 0; visit < 3; visit += 1)
    await site.get('/basket', { headers: { 'user-agent': '"odd" \\ \u00e4' } });
  await site.get('/posts/1', { headers: { cookie: 'sid=1' } });
  await site.get('/posts/1', { method: 'POST' });
});

afterAll(() => site.stop());

async function summary(...args: string[]): Promise<LogSummary> {
  const { stdout } = await runCommand(['log', ...args, '--json'], { cwd: '/' });
  return JSON.parse(stdout) as LogSummary;
}

it('adds up what nginx has logged, and says what would make a page of what is never one', async () => {
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('POST /posts/1');
  const { hits, requests, hitRatio, outcomes, neverCached, slowest, unreadable } = await summary(file);
  expect(hits.nginx).toBeGreaterThan(0);
  expect(hitRatio).toBeCloseTo((hits.nginx + hits.application) / requests);
  expect(unreadable).toBe(0);
  const counts = Object.fromEntries(outcomes.map(({ outcome, count }) => [outcome, count]));
  expect(counts).toMatchObject({ cookie: 1 });
  expect(counts['set-cookie']).toBeGreaterThan(0);
  expect(counts['stored']).toBeGreaterThan(0);
  expect(neverCached).toMatchObject([{ target: '/basket', cure: expect.stringContaining('excuseCookies') as string }]);
  expect(slowest.map(({ target }) => target)).toEqual(expect.arrayContaining(['/basket']));

  const { code, stdout } = await runCommand(['log', file], { cwd: '/' });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+ GET and HEAD · \d+\.\d % hits · nginx \d+/);
  expect(stdout).toContain('Most wanted, never cached');
});

it('continues what is longer than a line of the terminal on the next one', async () => {
  const { stdout } = await runCommand(['log', file], { cwd: '/', isTTY: true, columns: 60 });
  const lines = stripVTControlCharacters(stdout).split('\n');
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
  const whole = (await runCommand(['log', file], { cwd: '/' })).stdout;
  expect(lines.join(' ').split(/\s+/)).toEqual(whole.split(/\s+/));
});

it('finds the log by the deployment', async () => {
  using directory = directoryWith({
    'nginx-cache.config.mjs': `export const deployment = { directory: ${JSON.stringify(site.nginx.directory)} };
      export default {};`,
  });
  const { code, stdout } = await runCommand(['log'], { cwd: directory.path });
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('/basket') as string });
});

it('follows a log that is rotated, and ends with Ctrl-C', async () => {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('GET /basket'));
  const line = `${lines[0]}\n`;
  using directory = directoryWith({ 'access.log': line });
  const path = join(directory.path, 'access.log');
  const interrupt = new AbortController();
  let written = '';
  const ran = runCommand(['log', path, '--follow', '--json'], {
    cwd: '/',
    signal: interrupt.signal,
    onWrite: (text) => (written += text),
  });
  const seen = () => (JSON.parse(written.trim().split('\n').at(-1) || '{}') as Partial<LogSummary>).requests;
  await expect.poll(seen).toBe(1);
  appendFileSync(path, line.repeat(2));
  await expect.poll(seen).toBe(3);
  renameSync(path, `${path}.1`);
  writeFileSync(path, line.slice(0, 20));
  // Not smaller than the old one: that it is another file must be enough.
  appendFileSync(path, line.slice(20) + line.repeat(3));
  await expect.poll(seen).toBe(7);
  interrupt.abort();
  expect(await ran).toMatchObject({ code: 130 });
});

it('is a live view that fits on the terminal', async () => {
  const [line = ''] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((one) => one.includes('GET /basket'));
  const lines = Array.from({ length: 60 }, (_, index) => line.replace('/basket', `/basket/${index % 30}`));
  using directory = directoryWith({ 'access.log': `${lines.join('\n')}\n` });
  const interrupt = new AbortController();
  const frames: string[] = [];
  const ran = runCommand(['log', 'access.log', '--follow', '--top', '50'], {
    cwd: directory.path,
    signal: interrupt.signal,
    isTTY: true,
    onWrite: (text) => frames.push(text),
  });
  const path = join(directory.path, 'access.log');
  await expect.poll(() => frames.length).toBe(1);
  appendFileSync(path, `${line}\n`);
  await expect.poll(() => frames.length).toBe(2);
  interrupt.abort();
  expect(await ran).toMatchObject({ code: 130 });
  const [first = '', second = ''] = frames;
  const height = first.split('\n').length - 1;
  // runCommand() has 24 lines, and the cursor needs one.
  expect(height).toBeLessThan(24);
  expect(first).toContain('Most wanted, never cached');
  // The cursor goes back to where the first frame began.
  expect(second.startsWith(`\u001B[${height}A\u001B[J`)).toBe(true);
  expect(second).toContain('61 GET and HEAD');
});

it('says how nginx must log what it cannot read', async () => {
  using directory = directoryWith({
    'other.log': '127.0.0.1 - - [28/Nov/2026:21:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"\n',
  });
  const { code, stderr } = await runCommand(['log', 'other.log'], { cwd: directory.path });
  expect(code).toBe(1);
  expect(stderr).toContain('No line of the log is in the format that `nginx-cache conf` writes');
  expect(await runCommand(['log', 'none.log'], { cwd: directory.path })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      'cannot be read. Name the access log of nginx: nginx-cache log /var/log/nginx/access.log.',
    ) as string,
  });
  expect(await runCommand(['log', '/tmp'], { cwd: directory.path })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('/tmp is a directory. Name the access log of nginx') as string,
  });
});

it('tells copies from pages that are stale', () => {
  const reader = new LogReader();
  const access = { time: 0, method: 'GET', target: '/', status: 200, agent: '', waited: 5 };
  for (const cacheStatus of ['nginx; fwd=stale; fwd-status=502', 'nestjs-nginx-cache; fwd=miss; detail=stale']) {
    reader.add({ ...access, cacheStatus });
  }
  expect(reader.summary(3)).toMatchObject({ staleCopies: 1, outcomes: [{ outcome: 'stale', count: 1 }] });
});

it('finds the few largest of many', () => {
  const reader = new LogReader();
  // Each number from 0 to 999, in no order; the outcome of every third is a hit.
  for (let at = 0; at < 1000; at += 1) {
    const rank = (at * 389) % 1000;
    const target = `/${rank}`;
    for (let visit = 0; visit <= rank % 100; visit += 1) {
      const outcome = rank % 3 === 0 ? 'hit' : 'cookie';
      reader.count(target, outcome, rank);
    }
  }
  const { slowest, neverCached } = reader.summary(4);
  expect(slowest.map(({ waited }) => waited)).toEqual([998, 997, 995, 994]);
  expect(neverCached.map(({ count }) => count)).toEqual([100, 100, 100, 100]);
  expect(neverCached.every(({ target }) => target.endsWith('99') && Number(target.slice(1)) % 3 > 0)).toBe(true);
  expect(reader.summary(0)).toMatchObject({ requests: expect.any(Number), slowest: [], neverCached: [] });
  expect(reader.summary(9999).slowest).toHaveLength(666);
  expect(reader.summary(9999).neverCached).toHaveLength(660);
});

it('writes no control character of a visitor, neither as text nor as JSON', async () => {
  const targets = ['\u001B]0;title\u0007', '\u009B31m', '\u007F'].map((bytes) => `/basket/${bytes}`);
  for (const target of [...targets, ...targets]) {
    const socket = connect(site.nginx.port, '127.0.0.1').resume();
    socket.end(`GET ${target} HTTP/1.0\r\n\r\n`, 'latin1');
    await once(socket, 'close');
  }
  await expect.poll(() => readFileSync(file, 'latin1').split('\\x7F').length).toBe(3);

  for (const args of [
    ['--top', '99'],
    ['--top', '99', '--json'],
  ]) {
    const { stdout } = await runCommand(['log', file, ...args], { cwd: '/' });
    expect(stdout).toContain('/basket/');
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  }
  const { neverCached } = await summary(file);
  expect(neverCached.map(({ target }) => target)).toContain(String.raw`/basket/\x9B31m`);
});

it('reads what nginx escapes, and adds up the servers that it has asked', () => {
  const line =
    '::1 - - [28/Nov/2026:21:00:00 +0000] "GET /\\x22\\x5C HTTP/2.0" 200 5 "-" "a \\x22b\\x22" 0.260 "0.001, 0.250 : -" "nginx; hit"';
  expect(parseAccess(line)).toEqual({
    time: Date.UTC(2026, 10, 28, 21),
    method: 'GET',
    target: '/"\\',
    status: 200,
    agent: 'a "b"',
    waited: 251,
    cacheStatus: 'nginx; hit',
  });
  expect(parseAccess(line.replace('GET /\\x22\\x5C HTTP/2.0', '\\x16\\x03'))).toBeUndefined();
});

it('takes no part of the name of a visitor for the time', async () => {
  // nginx logs the name of Basic authentication, whether it asks for one or not.
  for (const name of ['[', '[1/Jan/2099:00:00:00 +0000]', 'a] "b" [c']) {
    const authorization = `Basic ${Buffer.from(`${name}:`).toString('base64')}`;
    await site.get(`/posts/${name.length}`, { headers: { authorization } });
    const line = () =>
      readFileSync(file, 'latin1')
        .split('\n')
        .find((one) => one.includes(`GET /posts/${name.length} `));
    await expect.poll(line).toBeDefined();
    expect(Math.abs(parseAccess(line()!)!.time - Date.now())).toBeLessThan(86_400_000);
  }
});
