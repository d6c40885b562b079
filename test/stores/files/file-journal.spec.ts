import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileJournal } from '../../../lib/stores/files/file-journal.js';
import { beginCheck } from '../../../lib/stores/journal/purge-check.js';
import type { PurgeScope } from '../../../lib/stores/journal/purge-scope.js';
import { addressOf } from '../../support/put-page.js';
import { temporaryRoot } from '../../support/files-site.js';

/** What happens between the opening of a journal and the writing to it. */
const { meanwhile } = vi.hoisted(() => ({ meanwhile: [] as (() => Promise<void>)[] }));
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const open: typeof actual.open = async (...args) => {
    const file = await actual.open(...args);
    await meanwhile.shift()?.();
    return file;
  };
  return { ...actual, open };
});

/** In bytes, after which a new one is begun. */
const FULL = 4 * 1024 * 1024;

const under = (path: string): PurgeScope => ({ kind: 'under', path });
const ALL: PurgeScope = { kind: 'all' };

/** How the file handles of this Node are written to. */
async function writesOf(directory: string) {
  const file = await open(join(directory, 'any'), 'w');
  await file.close();
  return vi.spyOn(Object.getPrototypeOf(file) as FileHandle, 'write');
}

describe('FileJournal', () => {
  let site: string;
  let path: string;
  const journals: FileJournal[] = [];
  const start = () => {
    const journal = new FileJournal(path);
    journals.push(journal);
    return journal;
  };
  /** Where it stands now. */
  const position = async (journal: FileJournal) => {
    await journal.look();
    return journal.window.position;
  };
  const since = async (journal: FileJournal, from: number) => {
    await journal.catchUp();
    return journal.window.since(from)?.map(({ scope }) => scope);
  };
  beforeEach(() => {
    site = temporaryRoot();
    path = join(site, 'page:#', 'journal');
  });
  afterEach(() => {
    for (const journal of journals.splice(0)) journal.close();
    rmSync(site, { recursive: true });
  });

  it('knows the order of its own purges, even if the clock is set back', async () => {
    const [own, other] = [start(), start()];
    const arrival = { position: await position(own), time: Date.now() };
    const verdict = async (name: string) =>
      (await beginCheck(own, addressOf(`page:${name}`), { arrival, renews: false })).known(new Set());
    await position(other);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(arrival.time - 60_000);
    await own.append(under('/a'));
    await other.append(under('/b'));
    clock.mockRestore();
    expect([await verdict('/a'), await verdict('/b')]).toEqual(['purged', undefined]);
  });

  it('reads lines without the name of a process', async () => {
    const journal = start();
    const from = await position(journal);
    appendFileSync(path, `\n${Date.now()} ${JSON.stringify(under('/a'))}\n`);
    expect(await since(journal, from)).toEqual([under('/a')]);
  });

  it('tells what has been purged since, by any process', async () => {
    const [one, other] = [start(), start()];
    const [first, second] = [await position(one), await position(other)];
    await one.append(under('/a'));
    const between = await position(other);
    await other.append({ kind: 'tags', tags: ['ÿ😀\n'] });
    for (const [journal, from] of [
      [one, first],
      [other, second],
    ] as const) {
      expect(await since(journal, from)).toEqual([under('/a'), { kind: 'tags', tags: ['ÿ😀\n'] }]);
    }
    expect(await since(other, between)).toEqual([{ kind: 'tags', tags: ['ÿ😀\n'] }]);
    expect(await since(one, await position(one))).toEqual([]);
  });

  it('knows when an entry was written', async () => {
    const [one, other] = [start(), start()];
    const from = await position(one);
    const before = Date.now();
    await other.append(ALL);
    await one.look();
    const [entry] = one.window.since(from)!;
    expect(entry!.time).toBeGreaterThanOrEqual(before);
    expect(entry!.time).toBeLessThanOrEqual(Date.now());
  });

  it('has seen its own purges, so what comes in afterwards is younger', async () => {
    const journal = start();
    const from = await position(journal);
    await journal.append(ALL);
    expect(journal.window.position).toBe(from + 1);
  });

  it('writes a long purge down in parts', async () => {
    const [one, other] = [start(), start()];
    const from = await position(other);
    const paths = Array.from({ length: 5000 }, (_, index) => ({ path: `/posts/${index}` }));
    await one.append({ kind: 'paths', paths });
    const scopes = await since(other, from);
    expect(scopes!.length).toBeGreaterThan(20);
    expect(scopes!.flatMap((scope) => (scope.kind === 'paths' ? scope.paths : []))).toEqual(paths);
  });

  it('keeps what is being rendered through a thousand purges', async () => {
    const [one, other] = [start(), start()];
    const from = await position(other);
    for (let index = 0; index < 1000; index += 1) await one.append(under(`/${index}`));
    expect(await since(other, from)).toHaveLength(1000);
  });

  it('proves nothing of what was in another journal', async () => {
    const [one, other] = [start(), start()];
    const from = await position(one);
    rmSync(path);
    expect(await since(one, from)).toBeUndefined();
    // Nor to the process that begins the new one.
    const [second, third] = [await position(one), await position(other)];
    appendFileSync(path, 'x'.repeat(FULL + 1));
    await one.append(under('/a'));
    expect(await since(one, second)).toBeUndefined();
    expect(await since(other, third)).toBeUndefined();
    expect(statSync(path).size).toBeLessThan(100);
  });

  it('proves nothing when somebody has cut it off', async () => {
    const journal = start();
    await journal.append(under('/a'));
    const from = await position(journal);
    truncateSync(path, 5);
    expect(await since(journal, from)).toBeUndefined();
  });

  it('takes an entry that was cut off for everything, and does not add to it', async () => {
    const [one, other] = [start(), start()];
    const from = await position(other);
    writeFileSync(path, `\n${Date.now()} {"kind":"under","pa`, { flag: 'a' });
    // It may still be being written.
    expect(await since(other, from)).toEqual([]);
    await one.append(under('/a'));
    expect(await since(other, from)).toEqual([ALL, under('/a')]);
  });

  it.each(['{"kind":"under","path":"/a"}', 'garbage', '1700000000000 null', '1700000000000 {"kind":"new"}', '17 {}'])(
    'takes what is no entry for everything: %s',
    async (line) => {
      const journal = start();
      const from = await position(journal);
      appendFileSync(path, `\n${line}\n`);
      expect(await since(journal, from)).toEqual([ALL]);
    },
  );

  it('does not write to a journal that has been replaced', async () => {
    const [one, other] = [start(), start()];
    let from = 0;
    await position(one);
    meanwhile.push(async () => {
      rmSync(path);
      from = await position(other);
    });
    await one.append(under('/a'));
    expect(await since(other, from)).toEqual([under('/a')]);
  });

  it.each([0, 1, 20])('makes everybody forget when only %i bytes of an entry can be written', async (bytes) => {
    const [one, other] = [start(), start()];
    const [first, second] = [await position(one), await position(other)];
    const write = await writesOf(site);
    write.mockImplementationOnce(async function (this: FileHandle, buffer: Uint8Array) {
      if (bytes === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return this.write(buffer.subarray(0, bytes));
    } as never);
    await one.append(under('/a'));
    write.mockRestore();
    expect(await since(one, first)).toBeUndefined();
    expect(await since(other, second)).toBeUndefined();
    // What begins from now on is checked again.
    const [third, fourth] = [await position(one), await position(other)];
    await one.append(under('/b'));
    expect(await since(one, third)).toEqual([under('/b')]);
    expect(await since(other, fourth)).toEqual([under('/b')]);
  });

  it('leaves nothing open, and is not used any more, after it was closed', async () => {
    const journal = start();
    await position(journal);
    journal.close();
    await expect(journal.look()).rejects.toThrow(/closed/);
    await start().append(ALL);
    expect(readFileSync(path, 'utf8')).toContain('{"kind":"all"}');
  });

  it('loses no entry while many append, and new ones are begun', async () => {
    const all = Array.from({ length: 8 }, start);
    let unknown = 0;
    const work = all.map(async (journal, writer) => {
      for (let i = 0; i < 60; i += 1) {
        const reader = all[(writer + 1) % all.length]!;
        const from = await position(reader);
        if (writer === 0 && i % 5 === 0) rmSync(path, { force: true });
        await journal.append(under(`/${writer}/${i}`));
        const scopes = await since(reader, from);
        if (scopes) expect(scopes).toContainEqual(under(`/${writer}/${i}`));
        else unknown += 1;
      }
    });
    await Promise.all(work);
    expect(unknown).toBeGreaterThan(10);
    expect(unknown).toBeLessThan(400);
  });
});
