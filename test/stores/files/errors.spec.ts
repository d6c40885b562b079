import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { fateOf } from '../../support/fate.js';
import { startFilesSite, temporaryRoot } from '../../support/files-site.js';
import type { PageStore } from '../../../lib/stores/page-store.js';
import { beginPage, putPage } from '../../support/put-page.js';
import { collect, context, page } from '../pages.js';
import { StoreProgram } from './store-process.js';

/** Programs of the system, not of a package. */
const [MOUNT, UMOUNT] = ['mount', 'umount'] as const;
const mountPoint = temporaryRoot();
/** Root may, unless it is in a container without the right. */
const canMount = spawnSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', mountPoint]).status === 0;
if (canMount) execFileSync(UMOUNT, [mountPoint]);
else process.stdout.write('Not tried: full disks. Only root may mount a tmpfs, and not in every container.\n');

@Controller()
class PagesController {
  @Get(':name')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('name') name: string) {
    return `<h1>${name}</h1>${Array.from({ length: 20_000 }, () => Math.random().toString(36).slice(2, 4)).join('')}`;
  }
}

/** Leaves no byte and, when told so, no inode. */
function fill(site: string, inodes: boolean): void {
  mkdirSync(join(site, 'filler'), { recursive: true });
  for (let bytes = 65_536, file = 0; bytes >= 1;) {
    try {
      writeFileSync(join(site, 'filler', inodes ? String((file += 1)) : 'bytes'), inodes ? '' : 'x'.repeat(bytes), {
        flag: 'a',
      });
    } catch {
      if (inodes) return;
      bytes = Math.floor(bytes / 2);
    }
  }
}

describe('files that cannot be written', () => {
  let root: string;
  beforeEach(() => {
    root = temporaryRoot();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  afterAll(() => rmSync(mountPoint, { recursive: true }));

  it('say what is wrong, and do no harm when it is not wrong any more', async () => {
    writeFileSync(join(root, 'file'), '');
    const store = fileStore({ root: join(root, 'file') }).open(context);
    await expect(beginPage(store, 'page:/')).rejects.toThrow(/ENOTDIR/);
    await expect(store.keyv.get('page:/')).rejects.toThrow(
      /^fileStore: cannot read a page below \/.*ENOTDIR.*something that is no directory is in the way$/,
    );
    await expect(store.journal.append({ kind: 'all' })).rejects.toThrow(
      /^fileStore: cannot write a purge down.*ENOTDIR/,
    );
    rmSync(join(root, 'file'));
    expect(await putPage(store, 'page:/', page())).toEqual({ stored: true });
    expect(await store.deletePages(['page:/'])).toBe(1);
    await store.keyv.disconnect();
  });

  it.runIf(process.getuid?.() === 0)('say so to a user without the right', async () => {
    const program = await StoreProgram.build(`
      import { fileStore } from 'file-store';
      import { bodyFormat } from 'body-format';
      import { putPage } from 'put-page';
      const store = fileStore({ root: process.argv[2] }).open(
        { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: false, mustList: false });
      const say = (error) => console.log(error.message);
      await putPage(store, 'page:/a', { status: 200, headers: [], body: Buffer.from('new') }).catch(say);
      await store.journal.append({ kind: 'all' }).catch(say);
      await store.deletePages(['page:/a']).catch(say);
      await store.keyv.disconnect();
    `);
    try {
      const own = fileStore({ root }).open(context);
      await putPage(own, 'page:/a', page('old'));
      await own.keyv.disconnect();
      chmodSync(root, 0o755);
      const child = await program.start([root], { uid: 65_534 });
      await child.exit();
      const advice = /EACCES.*; give the application's user the right to write there/;
      expect(child.output().trim().split('\n')).toEqual([
        expect.stringMatching(advice),
        expect.stringMatching(/^fileStore: cannot write a purge down.*EACCES/),
        expect.stringMatching(/^fileStore: cannot delete pages.*EACCES/),
      ]);
    } finally {
      await program.dispose();
    }
  });

  it.runIf(canMount).each([
    ['space', 'size=2m,nr_inodes=400'],
    ['inodes', 'size=20m,nr_inodes=64'],
  ])('purge all the same when there is no %s left', async (what, limits) => {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', `${limits},mode=0755`, 'tmpfs', root]);
    const [one, other] = [1, 2].map(() => fileStore({ root, grace: 2000 }).open(context)) as [PageStore, PageStore];
    try {
      const outcomes = async (path: string) => {
        for (let index = 0; ; index += 1) {
          const key = `page:${path}/${index}`;
          const error: unknown = await putPage(one, key, page('x'.repeat(20_000))).then(
            () => undefined,
            (problem: Error) => problem,
          );
          if (error instanceof Error) return error.message;
        }
      };
      expect(await outcomes('/a')).toMatch(/ENOSPC.*full \(or out of inodes\)/);
      expect(await outcomes('/b/c')).toMatch(/ENOSPC/);
      // There is really nothing left: not for the journal either.
      fill(join(root, 'page:#'), what === 'inodes');
      writeFileSync(join(root, 'page:#/journal'), '', { flag: 'a' });
      const begun = await beginPage(other, 'page:/a/0');
      await one.journal.append({ kind: 'under', path: '/a' });
      expect(await begun.commit(page(), 0)).toEqual({ stored: false, reason: 'purges-unknown' });
      const keys = await collect(one.keys!('page:/a/'));
      expect(keys.length).toBeGreaterThan(3);
      expect(await one.deletePages(keys.slice(0, 2))).toBe(2);
      fill(join(root, 'page:#'), what === 'inodes');
      expect(await one.deleteUnder!('/a')).toBe(keys.length - 2);
      expect(await collect(one.keys!('page:/a/'))).toEqual([]);
      fill(join(root, 'page:#'), what === 'inodes');
      await one.journal.append({ kind: 'all' });
      await one.deleteUnder!('');
      expect(await collect(one.keys!(''))).toEqual([]);
      rmSync(join(root, 'page:#/filler'), { recursive: true });
      expect(await putPage(one, 'page:/again', page())).toEqual({ stored: true });
    } finally {
      await Promise.all([one, other].map(({ keyv }) => keyv.disconnect()));
      execFileSync(UMOUNT, [root]);
    }
  });

  it.runIf(canMount)('leave the site as it is when the disk is full, and nothing half behind', async () => {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=400k,mode=0755', 'tmpfs', root]);
    try {
      await using site = await startFilesSite(
        { platform: 'express', controllers: [PagesController], logger: false },
        { root },
      );
      const pages = site.app.get(PageCacheService);
      const outcomes = new Set<string>();
      for (let i = 0; i < 30; i += 1) {
        const { code, body, status } = await site.get(`/${i}`);
        expect(code).toBe(200);
        expect(body.toString()).toContain(`<h1>${i}</h1>`);
        outcomes.add(await fateOf(status, `/${i}`, site.log));
        site.log.forget();
        const again = await site.get(`/${i}`);
        // What could not be stored is begun once more.
        await fateOf(again.status, `/${i}`, site.log);
        expect(again.body.toString().startsWith(`<h1>${i}</h1>`)).toBe(true);
        expect(again.body.length).toBeGreaterThan(20_000);
      }
      expect([...outcomes]).toEqual(['stored', 'store-failed']);
      // Nothing is left of what could not be written.
      const kinds = readdirSync(join(root, 'page:#/pages'), { recursive: true, encoding: 'utf8' });
      expect(kinds.filter((name) => name.endsWith('/link'))).toEqual([]);
      // Purging makes room again.
      expect((await pages.purgeAll()).purged).toBeGreaterThan(2);
      site.log.forget();
      await site.get('/again');
      expect(await site.log.outcome('/again')).toBe('stored');
      // A disk that has become read-only keeps its pages: nobody may think that they are gone.
      execFileSync(MOUNT, ['-o', 'remount,ro', root]);
      await expect(pages.purge('/again')).rejects.toThrow(PurgeIncompleteError);
      await expect(pages.purge('/again')).rejects.toThrow(/EROFS.*the file system is read-only/);
      expect((await site.get('/another')).code).toBe(200);
    } finally {
      execFileSync(UMOUNT, [root]);
      mkdirSync(root, { recursive: true });
    }
  });
});
