import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bodyFormat } from '../../../lib/page/body-format.js';
import { fileStore } from '../../../lib/stores/files/file-store.js';
import { putPage } from '../../support/put-page.js';
import { StoreProgram } from './store-process.js';

const USER = 65_534;

// As `sudo npx nginx-cache` does it, beside an application that runs as another user.
it.runIf(process.getuid?.() === 0)('the application can delete and store what root has stored or deleted', async () => {
  const program = await StoreProgram.build(`
    import { fileStore } from 'file-store';
    import { bodyFormat } from 'body-format';
    import { putPage } from 'put-page';
    const store = fileStore({ root: process.argv[2] }).open(
      { format: bodyFormat([]), prefix: 'page:', maxPageBytes: 1e6, compress: false, mustList: false });
    const page = { status: 200, headers: [], body: Buffer.from('new') };
    const say = (what) => (result) => console.log(what, result instanceof Error ? result.message : 'done');
    for (const key of process.argv.slice(3)) {
      await store.deletePages([key]).then(say('deleted'), say('deleted'));
      await putPage(store, key, page).then(say('stored'), say('stored'));
    }
    await store.journal.append({ kind: 'under', path: '/' }).then(say('noted'), say('noted'));
    await store.keyv.disconnect();
  `);
  const root = mkdtempSync(join(tmpdir(), 'root-'));
  chownSync(root, USER, USER);
  const asUser = async (...keys: string[]) => {
    const child = await program.start([root, ...keys], { uid: USER });
    await child.exit();
    return child.output().trim().split('\n');
  };
  try {
    const stored = ['deleted done', 'stored done'];
    expect(await asUser('page:/a')).toEqual([...stored, 'noted done']);

    const own = fileStore({ root }).open({
      format: bodyFormat([]),
      prefix: 'page:',
      maxPageBytes: 1e6,
      compress: false,
      mustList: false,
    });
    await own.deletePages(['page:/a']);
    await own.journal.append({ kind: 'under', path: '/' });
    await putPage(own, 'page:/b/c', { status: 200, headers: [], body: Buffer.from('old') });
    await own.keyv.disconnect();

    expect(await asUser('page:/a', 'page:/b/c', 'page:/b/d')).toEqual([...stored, ...stored, ...stored, 'noted done']);
  } finally {
    await program.dispose();
    rmSync(root, { recursive: true });
  }
});
