import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PageCacheService, PurgeIncompleteError } from '../../../lib/index.js';
import { FileJournal } from '../../../lib/stores/files/file-journal.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { startFilesSite, temporaryRoot } from '../../support/files-site.js';
import { collect, context, page } from '../pages.js';
import { StoreProgram } from './store-process.js';

/** Programs of the system, not of a package. */
const [MOUNT, UMOUNT] = ['mount', 'umount'] as const;
const mountPoint = temporaryRoot();
/** Root may, unless it is in a container without the right. */
const canMount = spawnSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', mountPoint]).status === 0;
if (canMount) execFileSync(UMOUNT, [mountPoint]);

@Controller()
class PagesController {
  @Get(':name')
  @Header('content-type', 'text/html; charset=utf-8')
  page(@Param('name') name: string) {
    return `<h1>${name}</h1>${Array.from({ length: 20_000 }, () => Math.random().toString(36).slice(2, 4)).join('')}`;
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
    const { keyv, keys, deletePages } = fileStore({ root: join(root, 'file') }).open(context);
    const message = /^fileStore: cannot store a page below \/.*ENOTDIR.*something that is no directory is in the way$/;
    await expect(keyv.set('page:/', page())).rejects.toThrow(message);
    await expect(keyv.get('page:/')).rejects.toThrow(/^fileStore: cannot read a page/);
    await expect(collect(keys!(''))).rejects.toThrow(/^fileStore: cannot list pages/);
    rmSync(join(root, 'file'));
    await keyv.set('page:/', page());
    expect(await deletePages(['page:/'])).toBe(1);
    await keyv.disconnect();
  });

  it.runIf(process.getuid?.() === 0)('say so to a user without the right', async () => {
    const program = await StoreProgram.build(`
      import { fileStore } from 'file-store';
      import { bodyFormat } from 'body-format';
      const { keyv, deletePages } = fileStore({ root: process.argv[2] }).open(
        { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: false, mustList: false });
      const say = (error) => console.log(error.message);
      await keyv.set('page:/a', { status: 200, headers: [], body: Buffer.from('new') }).catch(say);
      await deletePages(['page:/a']).catch(say);
      await keyv.disconnect();
    `);
    try {
      const own = fileStore({ root }).open(context);
      await own.keyv.set('page:/a', page('old'));
      await own.keyv.disconnect();
      chmodSync(root, 0o755);
      const child = await program.start([root], { uid: 65_534 });
      await child.exit();
      const advice = /EACCES.*; give the application's user the right to write there/;
      expect(child.output().trim().split('\n')).toEqual([
        expect.stringMatching(advice),
        expect.stringMatching(/^fileStore: cannot delete pages.*EACCES/),
      ]);
    } finally {
      await program.dispose();
    }
  });

  it.runIf(canMount)('do not take a purge for written down of which only the beginning is', async () => {
    // Two blocks: of the directories, none.
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', root]);
    try {
      const journal = new FileJournal(root);
      const start = await journal.position();
      const free = 8192 - statSync(join(root, 'journal')).size;
      writeFileSync(join(root, 'journal'), `\n${'x'.repeat(free - 2)}`, { flag: 'a' });
      // There is room for the end of the line before.
      await expect(journal.append('{"kind":"all"}')).rejects.toThrow(
        /only 1 of \d+ bytes were written; the disk is full/,
      );
      await expect(journal.append('{"kind":"all"}')).rejects.toThrow(/ENOSPC/);
      expect(await journal.since(start)).toEqual(['x'.repeat(free - 2)]);
    } finally {
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
        const { code, body } = await site.get(`/${i}`);
        expect(code).toBe(200);
        expect(body.toString()).toContain(`<h1>${i}</h1>`);
        outcomes.add(await site.log.outcome(`/${i}`));
        const again = await site.get(`/${i}`);
        expect(again.body.toString().startsWith(`<h1>${i}</h1>`)).toBe(true);
        expect(again.body.length).toBeGreaterThan(20_000);
      }
      expect([...outcomes]).toEqual(['stored', 'store-failed']);
      expect(readdirSync(join(root, 'page:#', 'tmp'))).toEqual([]);
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
