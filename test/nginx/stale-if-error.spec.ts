import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { NginxCacheOptions, NginxFlavour } from '../../lib/index.js';
import type { Platform } from '../support/applications.js';
import { FailingSite } from '../support/failing-site.js';

const SITES: readonly (readonly [NginxFlavour, Platform])[] = (
  ['memcached', 'srcache', 'njs', 'files'] as const
).flatMap((flavour) => [[flavour, 'express'] as const, [flavour, 'fastify'] as const]);
const OPTIONS: NginxCacheOptions = { staleIfError: 600_000, exclude: ['/excluded'] };
/** The site's own words for what nginx itself says, and how long it waits for the application. */
const SERVER = `
  proxy_read_timeout 2s;
  error_page 502 504 /down.html;
  location = /down.html { internal; default_type text/html; return 200 "the site is down"; }
`;
/** How long each visitor waits before the next request, in milliseconds: the application needs the processor, too. */
const PACE = 10;
const HTML = 'text/html; charset=utf-8';
const failed = (status: number) => `nginx; fwd=stale; fwd-status=${status}; detail=stale-if-error`;

// They mostly wait, so several run at the same time.
describe.concurrent.each(SITES)('%s, %s', (flavour, platform) => {
  it('nginx sends the copy while the application is down, and nothing to whom it is not for', async ({ expect }) => {
    const contentTypes = { '/feed': 'application/rss+xml; charset=utf-8' };
    const keepsTypes = flavour === 'srcache' || flavour === 'njs';
    const options = keepsTypes ? OPTIONS : { ...OPTIONS, nginx: { flavour, contentTypes } };
    await using site = await FailingSite.start(flavour, platform, options, SERVER);
    await site.outlive('/pages/a', '/feed');
    await site.kill();

    const page = await site.get('/pages/a');
    expect([page.code, page.status, page.headers.get('content-type')]).toEqual([200, failed(502), HTML]);
    expect(page.text).toContain('page a version 1');
    const plain = await site.get('/pages/a', { headers: { 'Accept-Encoding': 'identity' } });
    expect([plain.code, plain.text]).toEqual([200, page.text]);
    const feed = await site.get('/feed');
    expect([feed.code, feed.headers.get('content-type')]).toEqual([200, 'application/rss+xml; charset=utf-8']);
    const head = await site.get('/pages/a', { method: 'HEAD' });
    expect([head.code, head.status, head.text]).toEqual([200, failed(502), '']);
    if (flavour === 'njs') expect(page.headers.get('age')).toMatch(/^\d+$/);

    const down = { code: 502, text: 'the site is down', status: '' };
    expect(await site.get('/pages/none')).toMatchObject(down);
    expect(await site.get('/excluded')).toMatchObject(down);
    expect(await site.get('/pages/a', { headers: { Cookie: 'session=1' } })).toMatchObject(down);
    expect(await site.get('/pages/a', { headers: { Authorization: 'Basic eA==' } })).toMatchObject(down);
    expect(await site.get('/pages/a?unknown=1')).toMatchObject(down);
    expect(await site.get('/pages/a', { method: 'POST' })).toMatchObject(down);

    await site.restart();
    await site.ask({ kind: 'purge' });
    await site.kill();
    expect(await site.get('/pages/a')).toMatchObject(down);
    expect(await site.get('/feed')).toMatchObject(down);
  });

  it('nginx sends it no longer than it may, and when the application is too slow', async ({ expect }) => {
    await using site = await FailingSite.start(flavour, platform, OPTIONS, SERVER);
    await site.outlive('/pages/a', '/short');
    await site.signal('SIGSTOP');
    const [copy, none] = await Promise.all([
      site.get('/pages/a'),
      site.get('/pages/none'),
      expect.poll(async () => (await site.get('/short')).code).toBe(504),
    ]);
    expect(copy).toMatchObject({ code: 200, status: failed(504) });
    expect(none).toMatchObject({ code: 504, text: 'the site is down' });
    expect((await site.get('/pages/a')).code).toBe(200);
  });

  it('no visitor sees an error of a stored page while the application fails and is restarted', async ({ expect }) => {
    await using site = await FailingSite.start(flavour, platform, OPTIONS, SERVER);
    const paths = Array.from({ length: 10 }, (_, index) => (index < 5 ? `/pages/${index}` : `/long/${index}`));
    await site.outlive(...paths);
    let [running, requests, copies] = [true, 0, 0];
    const errors: string[] = [];
    const visit = async () => {
      while (running) {
        const path = paths[requests % paths.length]!;
        requests += 1;
        const { code, status, text } = await site.get(path);
        if (code !== 200 || !text.includes(`page ${path.split('/').at(-1)} `))
          errors.push(`${path}: ${code} ${status}`);
        if (status.includes('stale-if-error')) copies += 1;
        await delay(PACE);
      }
    };
    const visitors = Array.from({ length: 6 }, visit);
    const some = async (count: number) => {
      const until = copies + count;
      await expect.poll(() => copies).toBeGreaterThanOrEqual(until);
    };
    for (const status of [500, 502, 503, 504]) {
      await site.ask({ kind: 'set', status, version: 1 });
      await some(10);
    }
    await site.ask({ kind: 'set', status: 200, version: 2 });
    const restarting = site.restart();
    await some(1);
    await restarting;
    await site.kill();
    await some(20);
    await site.restart();
    running = false;
    await Promise.all(visitors);
    process.stdout.write(`${flavour}, ${platform}: ${requests} requests, ${copies} copies\n`);
    expect(errors).toEqual([]);
  });
});

describe('without a copy', () => {
  it("the application's own errors come as they are", async () => {
    await using site = await FailingSite.start(
      'memcached',
      'express',
      OPTIONS,
      `proxy_intercept_errors on;\n${SERVER}`,
    );
    for (const status of [500, 502, 503, 504]) {
      await site.ask({ kind: 'set', status, version: 1 });
      const answer = await site.get('/pages/none');
      expect([answer.code, answer.text]).toEqual([status, expect.stringContaining('the own words of the application')]);
    }
  });
});
