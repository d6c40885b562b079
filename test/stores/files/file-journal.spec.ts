import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileJournal } from '../../../lib/stores/files/file-journal.js';
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

/** In bytes, to be filled before a new one is begun. */
const FULL = 16_384;

/** How the file handles of this Node are written to. */
async function writesOf(directory: string) {
  const file = await open(join(directory, 'any'), 'w');
  await file.close();
  return vi.spyOn(Object.getPrototypeOf(file) as FileHandle, 'write');
}

describe('FileJournal', () => {
  let site: string;
  const fill = () => writeFileSync(join(site, 'journal'), `\n${'x'.repeat(FULL)}`, { flag: 'a' });
  beforeEach(() => {
    site = temporaryRoot();
  });
  afterEach(() => rmSync(site, { recursive: true }));

  it('tells what has been purged since, by any process', async () => {
    const [one, other] = [new FileJournal(site), new FileJournal(site)];
    const start = await one.position();
    expect(await other.position()).toBe(start);
    expect(await other.since(start)).toEqual([]);
    await one.append('{"a":1}');
    const between = await other.position();
    await other.append('{"b":"ÿ😀"}');
    expect(await one.since(start)).toEqual(['{"a":1}', '{"b":"ÿ😀"}']);
    expect(await one.since(between)).toEqual(['{"b":"ÿ😀"}']);
    expect(readdirSync(join(site, 'tmp'))).toEqual([]);
  });

  it('does not know what was in another journal', async () => {
    const journal = new FileJournal(site);
    const start = await journal.position();
    rmSync(join(site, 'journal'));
    expect(await journal.since(start)).toBeUndefined();
    const second = await journal.position();
    fill();
    await journal.append('after a new one was begun');
    expect(await journal.since(second)).toBeUndefined();
    expect(readFileSync(join(site, 'journal'), 'utf8').length).toBeLessThan(100);
  });

  it('does not add to an entry that a full disk has cut off', async () => {
    const journal = new FileJournal(site);
    const start = await journal.position();
    writeFileSync(join(site, 'journal'), '\n{"cut', { flag: 'a' });
    await journal.append('{"whole":1}');
    expect(await journal.since(start)).toEqual(['{"cut', '{"whole":1}']);
  });

  it('does not write to a journal that has been replaced', async () => {
    const [one, other] = [new FileJournal(site), new FileJournal(site)];
    let start = '';
    await one.position();
    meanwhile.push(async () => {
      fill();
      await other.append('the first of a new one');
      start = await other.position();
    });
    await one.append('entry');
    expect(await other.since(start)).toEqual(['entry']);
  });

  it('writes a long entry down as everything: every miss reads it', async () => {
    const journal = new FileJournal(site);
    const start = await journal.position();
    await journal.append(JSON.stringify({ kind: 'keys', keys: ['x'.repeat(5000)] }));
    expect(await journal.since(start)).toEqual(['{"kind":"all"}']);
  });

  it.each([1, 20])('does not take an entry for written of which only %i bytes are', async (bytes) => {
    const journal = new FileJournal(site);
    const start = await journal.position();
    const write = await writesOf(site);
    write.mockImplementationOnce(async function (this: FileHandle, buffer: Uint8Array) {
      return this.write(buffer.subarray(0, bytes));
    } as never);
    await expect(journal.append('{"kind":"all"}')).rejects.toThrow(/only \d+ of \d+ bytes.*make room/);
    write.mockRestore();
    expect(await journal.since(start)).not.toContain('{"kind":"all"}');
    await journal.append('{"kind":"all"}');
    expect((await journal.since(start))?.at(-1)).toBe('{"kind":"all"}');
  });

  describe('at the arrival of a request', () => {
    const NOW = 1_700_000_000_000;
    beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
    afterEach(() => void vi.useRealTimers());

    it('knows what it has seen', async () => {
      const [one, other] = [new FileJournal(site), new FileJournal(site)];
      expect(one.known).toBeUndefined();
      const start = await one.position();
      expect(one.known).toBe(start);
      await other.append('entry');
      expect(one.known).toBe(start);
      await one.since(start);
      expect(one.known).toBe(await other.position());
    });

    it('tells what has been added since, as far as that is not older than the request', async () => {
      const [one, other] = [new FileJournal(site), new FileJournal(site)];
      await one.append('seen');
      const known = await one.position();
      await other.append('before');
      vi.setSystemTime(NOW + 1);
      await other.append('after');
      const position = await other.position();
      expect(await one.arrived(known, NOW + 1)).toEqual({ position, before: ['after'] });
      expect(await one.arrived(known, NOW)).toEqual({ position, before: ['before', 'after'] });
      expect(await one.arrived(position, NOW)).toEqual({ position, before: [] });
    });

    it('knows of its own purges that they are older than what comes in afterwards', async () => {
      const journal = new FileJournal(site);
      await journal.position();
      const clock = vi.spyOn(Date, 'now').mockReturnValue(1_000_000);
      await journal.append('{"a":1}');
      const { before } = await journal.arrived(journal.known, Date.now());
      clock.mockRestore();
      expect(before).toEqual([]);
    });

    it('takes what is no entry for one that is not older', async () => {
      const journal = new FileJournal(site);
      const known = await journal.position();
      writeFileSync(join(site, 'journal'), '\n{"kind":"all"}\n[170000', { flag: 'a' });
      expect((await journal.arrived(known, NOW)).before).toEqual(['{"kind":"all"}', '[170000']);
    });

    it('does not know what was in another journal, or when it had seen none', async () => {
      const journal = new FileJournal(site);
      const known = await journal.position();
      expect((await journal.arrived(undefined, NOW)).before).toBeUndefined();
      fill();
      await journal.append('entry');
      expect(await journal.arrived(known, NOW)).toEqual({ position: await journal.position(), before: undefined });
    });
  });

  it('loses no entry while many append, and new ones are begun', async () => {
    const journals = Array.from({ length: 8 }, () => new FileJournal(site));
    const text = 'x'.repeat(1000);
    let unknown = 0;
    const work = journals.map(async (journal, writer) => {
      for (let i = 0; i < 60; i += 1) {
        const reader = journals[(writer + 1) % journals.length]!;
        const start = await reader.position();
        await journal.append(`${writer} ${i} ${text}`);
        const entries = await reader.since(start);
        if (entries) expect(entries).toContain(`${writer} ${i} ${text}`);
        else unknown += 1;
      }
    });
    await Promise.all(work);
    expect(unknown).toBeGreaterThan(10);
    expect(unknown).toBeLessThan(400);
  });
});
