import { readFileSync, rmSync } from 'node:fs';
import { join, normalize, sep } from 'node:path';
import { fc } from '../../support/random.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NginxCacheOptions } from '../../../lib/index.js';
import type { NginxServer } from '../../../lib/testing/index.js';
import { checkOptions } from '../../../lib/configuration/check-options.js';
import { keyOfPageFile, pageFile } from '../../../lib/page/page-file.js';
import { isKeyTooLong, PageKeys } from '../../../lib/page/page-key.js';
import type { RequestHead } from '../../../lib/rules/request-head.js';
import { allRules } from '../../../lib/rules/request-rules.js';
import { compile } from '../../../lib/rules/rule.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { field, RawPool } from '../../page/raw-pool.js';
import { ALLOWED, requestTarget } from '../../page/targets.js';
import { temporaryRoot } from '../../support/files-site.js';
import { putPage } from '../../support/put-page.js';
import { page } from '../pages.js';
import { startFilesNginx } from './files-nginx.js';

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x1f\x7f]/;

/** Keys as they come, and such as nobody should make. */
const lead = fc.constantFrom('', '', 'example.com', '[::1]', ';lang=de', 'example.com;lang=..', '..', '.', '#', '.gz');
const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '/..',
    '/.',
    '..',
    '#',
    '#.gz',
    '?',
    '?page=',
    '&',
    '%20',
    '%2F',
    '\\',
    '\0',
    '.gz',
    '.html',
  ),
  fc.stringMatching(/^[A-Za-z0-9._~-]{1,9}$/),
  fc.constant('x'.repeat(120)),
);
const anyKey = fc
  .tuple(
    lead,
    fc.oneof(
      requestTarget,
      fc.array(piece, { maxLength: 8 }).map((all) => `/${all.join('')}`),
    ),
  )
  .map((all) => `page:${all.join('')}`);

describe('the file of a page', () => {
  it('stands for one key, and lies inside the directory', () => {
    const keys = new Map<string, string>();
    const seen = { named: 0, refused: 0 };
    fc.assert(
      fc.property(anyKey, (key) => {
        const file = pageFile(key, 'page:');
        if (file === undefined) {
          seen.refused += 1;
          return;
        }
        seen.named += 1;
        expect(keyOfPageFile(file, 'page:')).toBe(key);
        expect(keys.get(file) ?? key).toBe(key);
        keys.set(file, key);
        expect(normalize(file)).toBe(file);
        const path = join('/root', file);
        expect(path.startsWith(`/root${sep}`)).toBe(true);
        for (const name of file.split('/')) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      }),
      { numRuns: 20_000 },
    );
    expect(seen.named).toBeGreaterThan(4000);
    expect(seen.refused).toBeGreaterThan(1000);
    // No page lies in the directory of another.
    const directories = new Set([...keys.keys()].flatMap((file) => parents(file)));
    expect([...keys.keys()].filter((file) => directories.has(file))).toEqual([]);
  });

  it('is never longer than a name may be', () => {
    for (const prefix of ['', 'page:']) {
      const longest = `${prefix}/${'a'.repeat(249 - prefix.length)}`;
      const name = pageFile(longest, prefix)!.slice(1);
      expect(name.length).toBeLessThanOrEqual(255);
      expect(pageFile(`${longest}a`, prefix)).toBeUndefined();
    }
  });
});

function parents(file: string): string[] {
  const segments = file.split('/');
  return segments.slice(1, -1).map((_, index) => segments.slice(0, index + 2).join('/'));
}

const SITES: NginxCacheOptions[] = [
  { query: { allow: ALLOWED, ignore: ['utm_*'] } },
  { prefix: '..', query: { allow: ALLOWED, ignore: ['utm_*'] }, hosts: ['example.com', 'www.example.com'] },
  {
    prefix: '',
    ttl: 0,
    query: { allow: ALLOWED, ignore: ['utm_*'] },
    hosts: ['example.com'],
    variants: [{ name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }],
  },
];

describe.each(SITES)('nginx and the store, with %o', (options) => {
  let root: string;
  let nginx: NginxServer;
  let pool: RawPool;

  beforeAll(async () => {
    root = temporaryRoot();
    nginx = await startFilesNginx({ root }, options);
    pool = new RawPool(nginx.port);
  });
  afterAll(async () => {
    pool?.close();
    await nginx?.stop();
    rmSync(root, { recursive: true });
  });

  it('mean the same file, for every target', async () => {
    const checked = checkOptions({ store: fileStore({ root }), ...options });
    const rules = allRules(checked.rules).map(compile);
    const keys = new PageKeys(checked);
    const store = checked.store.open(checked.storeContext);
    const isPage = (head: RequestHead) => !rules.some((bypasses) => bypasses(head)) && !isKeyTooLong(keys.of(head).key);

    const targets = fc.sample(requestTarget, { numRuns: 4000 }).filter((target) => target.startsWith('/'));
    const heads = targets.map((target): RequestHead => ({ method: 'GET', target, headers: { host: 'example.com' } }));
    let pages = 0;
    for (const head of heads) {
      if (!isPage(head)) continue;
      const { key } = keys.of(head);
      // Every page has a file.
      expect(pageFile(key, checked.prefix), key).toBeDefined();
      expect(await putPage(store, key, page(key), pages % 2 ? 600_000 : 0)).toEqual({ stored: true });
      pages += 1;
    }
    expect(pages).toBeGreaterThan(500);
    const answers = await pool.sendAll(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: example.com\r\n\r\n`));
    const wrong = heads.filter((head, index) => {
      // nginx takes no control characters.
      if (answers[index]!.status === 400 && CONTROL.test(head.target)) return false;
      const hit = field(answers[index]!, 'cache-status') === 'nginx; hit';
      return hit !== isPage(head) || (hit && answers[index]!.body.toString('latin1') !== keys.of(head).key);
    });
    expect(wrong.map(({ target }) => target)).toEqual([]);
    const log = readFileSync(join(nginx.directory, 'error.log'), 'utf8');
    expect(log.split('\n').filter((line) => /crit|alert|directory|rewrite/.test(line))).toEqual([]);
    await store.keyv.disconnect();
  });
});
