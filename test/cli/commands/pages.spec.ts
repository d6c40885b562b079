import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PageInfo, PublishManyReport } from '../../../lib/index.js';
import { MemcachedServer } from '../../../lib/testing/index.js';
import { slices } from '../../../lib/async/chunks.js';
import { MemcachedClient } from '../../../lib/stores/memcached/memcached-client.js';
import { MEMCACHED, posts } from '../support/posts-app.js';
import { directoryWith, type Ran, runCommand, type Surroundings } from '../support/run-command.js';

const app = fileURLToPath(new URL('../support/posts-app.ts', import.meta.url));

let memcached: MemcachedServer;
let directory: ReturnType<typeof directoryWith>;

beforeAll(async () => {
  memcached = await MemcachedServer.start();
  vi.stubEnv(MEMCACHED, memcached.address);
  directory = directoryWith({
    'nginx-cache.config.mjs': `import { options } from ${JSON.stringify(app)}; export default options();`,
    'memory.config.mjs': 'export default {};',
    'app.mjs': `import { createApp as create, createFastifyApp } from ${JSON.stringify(app)};
      export const createApp = () => create();
      export { createFastifyApp };
      export const createOther = () => create({ ttl: 1000, compress: false, maxPageBytes: 5000, exclude: ['/none'] });
      export const createNothing = () => ({});`,
    'access.log': ['nginx; hit', 'nestjs-nginx-cache; fwd=miss; stored']
      .map((said) => `::1 - - [28/Nov/2026:21:00:00 +0000] "GET / HTTP/2.0" 200 5 "-" "a" 0.260 "0.001" "${said}"\n`)
      .join(''),
    'urls.txt': ['# those of the site', '', '/', ...posts].join('\n'),
  });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  directory?.[Symbol.dispose]();
  await memcached?.stop();
});

function run(args: readonly string[], surroundings: Partial<Surroundings> = {}): Promise<Ran> {
  return runCommand(args, { cwd: directory.path, ...surroundings });
}

/** A memcached that is late keeps a page out of the cache: then it is published again. */
async function publishAll(): Promise<void> {
  await vi.waitFor(
    async () => {
      await run(['publish', '--module', 'app.mjs#createApp', '--from', 'urls.txt']);
      expect(await listed()).toHaveLength(posts.length + 1);
    },
    { timeout: 60_000 },
  );
}

async function listed(...args: string[]): Promise<PageInfo[]> {
  return JSON.parse((await run(['ls', '--json', ...args])).stdout) as PageInfo[];
}

describe('nginx-cache publish', () => {
  it('renders pages through the application, a line for each in a pipe, and says why one is not stored', async () => {
    const { code, stdout } = await run(['publish', '--module', 'app.mjs#createApp', '/', '/posts/1', '/down', '/mine']);

    expect(code).toBe(1);
    expect(stdout).toMatch(/^\d\/4 published \/posts\/1$/m);
    expect(stdout).toMatch(/^\d\/4 failed \/down \(503\)$/m);
    expect(stdout).toMatch(/^skipped +set-cookie +1 +\/mine$/m);
    expect(stdout).toMatch(/^4 pages in /m);
    // Nothing moves, and nothing is coloured, where nobody looks.
    expect(stdout).not.toContain('\u001B');
  });

  it('renders pages through an application on Fastify, which does not listen', async () => {
    const publish = ['publish', '--json', '--module', 'app.mjs#createFastifyApp', '--sitemap', '/sitemap.xml'];
    await vi.waitFor(
      async () => {
        const report = JSON.parse((await run(publish)).stdout) as PublishManyReport;
        expect(report).toMatchObject({ published: ['/', ...posts], failed: [] });
      },
      { timeout: 60_000 },
    );
  });

  it('publishes a sitemap, and shows a bar on a terminal', async () => {
    const { code, stdout, stderr } = await run(
      ['publish', '--module', 'app.mjs#createApp', '--sitemap', '/sitemap.xml'],
      {
        isTTY: true,
      },
    );

    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain(`${posts.length + 1} of ${posts.length + 1}`);
    expect(stdout).toMatch(/published.* 31 /);
    expect(stdout).not.toMatch(/^1\/31 /m);
  });

  it('ends at Ctrl-C, and goes on there', async () => {
    const interrupted = new AbortController();
    const first = await run(['publish', '--module', 'app.mjs#createApp', '--from', 'urls.txt'], {
      signal: interrupted.signal,
      onWrite: (text) => text.startsWith('3/') && interrupted.abort(),
    });
    expect(first.code).toBe(130);
    expect(first.stderr).toContain('--resume nginx-cache-publish.done');
    const file = join(directory.path, 'nginx-cache-publish.done');
    const done = readFileSync(file, 'utf8').trim().split('\n');

    const second = await run([
      'publish',
      '--module',
      'app.mjs#createApp',
      '--from',
      'urls.txt',
      '--json',
      '--resume',
      file,
    ]);

    expect(second.code).toBe(0);
    const report = JSON.parse(second.stdout) as PublishManyReport;
    const again = [...report.published, ...report.skipped.map(({ path }) => path)];
    expect([...again, ...done].sort()).toEqual(['/', ...posts].sort());
    expect(existsSync(file)).toBe(false);
  });

  it('does not publish for another application than the one whose pages are stored', async () => {
    await publishAll();
    const { code, stderr } = await run(['publish', '--module', 'app.mjs#createOther', '/']);
    expect(code).toBe(1);
    expect(stderr).toContain('belong to an application with other options');
    expect(await listed()).toHaveLength(posts.length + 1);
  });
});

describe('nginx-cache ls of many pages', () => {
  const COUNT = 2500;
  const args = ['ls', '--config', 'many.config.mjs'];

  beforeAll(async () => {
    writeFileSync(
      join(directory.path, 'many.config.mjs'),
      `import { memcachedStore } from 'nestjs-nginx-cache';
        export default { prefix: 'many:', store: memcachedStore({ servers: '${memcached.address}' }) };`,
    );
    const client = new MemcachedClient(memcached.address);
    const paths = Array.from({ length: COUNT }, (_, index) => `/pages/${index}`);
    for (const some of slices(paths, 100)) {
      await Promise.all(some.map((path) => client.set(`many:${path}`, { bytes: Buffer.from(path), flags: 0 }, 0)));
    }
    await client.close();
  });

  it('writes them as they come, and ends at Ctrl-C', async () => {
    const interrupted = new AbortController();
    const { code, stdout } = await run(args, {
      signal: interrupted.signal,
      onWrite: () => interrupted.abort(),
    });
    expect(code).toBe(130);
    expect(stdout).toMatch(/^PAGE +AGE +TTL +SIZE +READ +TAGS\n/);
    expect(stdout.trim().split('\n')).toHaveLength(1001);
  });

  it('writes all of them, under one line of titles', async () => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^2,500 pages, /) as string });
    expect(stdout.match(/^PAGE/gm)).toHaveLength(1);
    expect(new Set(stdout.match(/^\/pages\/\d+ /gm)).size).toBe(COUNT);
  });

  it('writes one JSON array with a page on each line', async () => {
    const { stdout } = await run([...args, '--json']);
    expect(JSON.parse(stdout)).toHaveLength(COUNT);
    expect(stdout.trim().split('\n')).toHaveLength(COUNT + 2);
    expect((await run([...args, '--json', '/nothing'])).stdout).toBe('[]\n');
  });

  it('writes what a purge would delete in the same way', async () => {
    const dry = ['purge', '--dry-run', '--config', 'many.config.mjs'];
    const interrupted = new AbortController();
    const first = await run([...dry, '--all'], { signal: interrupted.signal, onWrite: () => interrupted.abort() });
    expect(first.code).toBe(130);
    expect(first.stdout.trim().split('\n')).toHaveLength(1000);

    const { stdout, stderr } = await run([...dry, '--under', '/pages', '--json']);
    expect(stderr).toBe('2,500 pages would be purged.\n');
    expect(JSON.parse(stdout)).toHaveLength(COUNT);
    expect(stdout.trim().split('\n')).toHaveLength(COUNT + 2);
    // No page has a tag that is not lost: its item is there, and nothing else.
    expect((await run([...dry, '--matching', '/pages/7$'])).stdout).toBe('/pages/7\n');
    expect(await run([...dry, '/nothing'])).toMatchObject({ stdout: '', stderr: '0 pages would be purged.\n' });
  });
});

describe('nginx-cache purge --dry-run of several hosts and variants', () => {
  it('names each page in its own way', async () => {
    writeFileSync(
      join(directory.path, 'hosts.config.mjs'),
      `import { memcachedStore } from 'nestjs-nginx-cache';
        const variants = [{ name: 'lang', header: 'X-Lang', values: ['en', 'de'], default: 'en' }];
        const store = memcachedStore({ servers: '${memcached.address}' });
        export default { prefix: 'hosts:', hosts: ['a.example', 'b.example'], variants, store };`,
    );
    const client = new MemcachedClient(memcached.address);
    for (const host of ['a.example', 'b.example']) {
      for (const lang of ['en', 'de']) {
        await client.set(`hosts:${host};lang=${lang}/posts`, { bytes: Buffer.from('x'), flags: 0 }, 0);
      }
    }
    await client.close();
    const { stdout } = await run(['purge', '--dry-run', '--config', 'hosts.config.mjs', '/posts']);
    expect(stdout.trim().split('\n').sort()).toEqual([
      'a.example/posts (de)',
      'a.example/posts (en)',
      'b.example/posts (de)',
      'b.example/posts (en)',
    ]);
  });
});

describe('nginx-cache ls, show, stats and purge', () => {
  beforeAll(publishAll);

  it('lists pages with what the store knows of them', async () => {
    const [page] = await listed('/posts/7');
    expect(page).toMatchObject({ target: '/posts/7', host: 'example.com', tags: ['post:7', 'posts'] });
    expect(page!.ttl).toBeGreaterThan(0);
    expect(page!.size).toBeGreaterThan(0);
    expect(await listed('--tag', 'post:7')).toHaveLength(1);
    expect(await listed('--matching', '/[12]0$')).toHaveLength(2);

    const { code, stdout, stderr } = await run(['ls', '/posts', '--limit', '2']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^2 pages, \d+ B\n$/) as string });
    expect(stdout).toMatch(/^HOST +PAGE .*TTL +SIZE .*TAGS$/m);
  });

  it('shows a page as it was stored, unpacked', async () => {
    const { code, stdout } = await run(['show', '/posts/3']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HTTP\/1\.1 200\ncontent-type: text\/html/im);
    expect(stdout).toMatch(/\n\n<h1>post 3<\/h1>\n$/);
    expect((await run(['show', '--head', '/posts/3'])).stdout).not.toContain('<h1>');
    expect(await run(['show', '/nothing'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nginx-cache ls') as string,
    });
  });

  it('shows control characters of tags and contents, instead of sending them to a terminal', async () => {
    const page = '/posts/%7F%C2%9B31m';
    const id = String.raw`\x7F\x9B31m`;
    await vi.waitFor(async () => {
      await run(['publish', '--module', 'app.mjs#createApp', page]);
      expect(await listed(page)).toHaveLength(1);
    });
    const commands = [
      ['ls', page],
      ['ls', '--json', page],
      ['show', '--head', page],
      ['show', '--json', page],
    ];
    const inPipe = await Promise.all(commands.map((args) => run(args)));
    const shown = [...inPipe, await run(['show', page], { isTTY: true })].map(({ stdout }) => stdout);
    for (const text of shown) expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(shown[0]).toContain(`post:${id}`);
    expect(shown[4]).toContain(`<h1>post ${id}</h1>`);
    // Other programs get the page as it is.
    expect((await run(['show', page])).stdout).toContain('<h1>post \u007F\u009B31m</h1>');
    await run(['purge', page]);
  });

  it('counts what is stored, and asks memcached', async () => {
    const { code, stdout } = await run(['stats']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^31 pages in memcached, /);
    expect(stdout).toMatch(/^\/posts +30 /m);
    expect(stdout).toContain('GETS FOUND is no hit ratio of pages');
    // Version, time, gets, evictions.
    expect(stdout).toMatch(new RegExp(`^${memcached.address} +1\\.\\S+ .* % +0 `, 'm'));
  });

  it('takes the hit ratio of pages from the log of nginx', async () => {
    const { stdout } = await run(['stats', '--log', 'access.log']);
    expect(stdout).toContain('50.0 % of 2 GET and HEAD in the log were hits');
    expect(stdout).not.toContain('--log FILE');
    expect((await run(['stats'])).stdout).toContain('--log FILE');
    expect(await run(['stats', '--log', 'urls.txt'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No line of the log is in the format') as string,
    });
    const { logged } = JSON.parse((await run(['stats', '--log', 'access.log', '--json'])).stdout) as { logged: object };
    expect(logged).toEqual({ requests: 2, hitRatio: 0.5 });
    expect(await run(['stats', '--log', 'none.log'])).toMatchObject({ code: 2 });
  });

  it('deletes what is named, and with --dry-run nothing', async () => {
    const dry = await run(['purge', '--dry-run', '/', '--tag', 'post:3', '--under', '/posts/4', '--matching', '5$']);
    expect(dry.code).toBe(0);
    expect(dry.stdout.trim().split('\n')).toEqual(['/', '/posts/15', '/posts/25', '/posts/3', '/posts/4', '/posts/5']);
    expect(await listed()).toHaveLength(31);

    const wet = await run(['purge', '/', '--tag', 'post:3', '--under', '/posts/4', '--matching', '5$']);
    expect(wet.code).toBe(0);
    expect(wet.stdout).toMatch(/^6 pages purged: /);
    expect(await listed()).toHaveLength(25);
    expect((await run(['purge', '/posts/*', '--json'])).stdout).toContain('"purged": 25');
    expect((await run(['ls'])).stdout).toBe('');
  });

  it.each([
    ['nothing to purge', ['purge'], 2, 'name pages, or give --under'],
    ['what is no path', ['purge', 'posts'], 2, '\'posts\' is not a page: give a path like "/posts/1" or a URL. --help'],
    ['a wrong expression', ['ls', '--matching', '('], 2, 'Invalid regular expression'],
    ['pages in memory', ['ls', '--config', 'memory.config.mjs'], 2, 'where no other process finds them'],
    ['publishing without the application', ['publish', '/'], 2, '--module dist/app.module.js'],
    ['what is no application', ['ls', '--module', 'app.mjs#createNothing'], 2, 'does not return a Nest application'],
    [
      'an export that is not there',
      ['ls', '--module', 'app.mjs#none'],
      2,
      'Name one of createApp, createFastifyApp, createOther',
    ],
  ])('refuses %s with what to do', async (_, args, code, cure) => {
    const ran = await run(args);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toContain(cure);
  });

  it('says that a purge was not done when memcached is down', async () => {
    const gone = await MemcachedServer.start();
    await gone.stop();
    using other = directoryWith({
      'nginx-cache.config.mjs': `import { memcachedStore } from 'nestjs-nginx-cache';
        export default { prefix: 'cli:', store: memcachedStore({ servers: '${gone.address}' }) };`,
    });
    const { code, stdout, stderr } = await runCommand(['purge', '/'], { cwd: other.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`Not purged on ${gone.address}: /`);
    // The application would repeat the purge, and says so in its log.
    expect(stderr).toMatch(/^error: .* Repeat the command when the store answers\.\n$/);
  });
});
