import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

describe('FileJournal', () => {
  let site: string;
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
    await journal.append('x'.repeat(20_000));
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
      await other.append('x'.repeat(20_000));
      await other.append('the first of a new one');
      start = await other.position();
    });
    await one.append('entry');
    expect(await other.since(start)).toEqual(['entry']);
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
