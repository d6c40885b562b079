import { beforeEach, describe, expect, it } from 'vitest';
import type { Page } from '../../lib/index.js';
import { LocalJournal } from '../../lib/stores/journal/local-journal.js';
import { MemoryTier } from '../../lib/stores/memory-tier.js';
import { addressOf } from '../support/put-page.js';

const TTL = 1000;
const A = addressOf('page:/a');
const B = addressOf('page:/b');

function page(text: string): Page {
  return { status: 200, headers: [], body: Buffer.from(text) };
}

describe('memory in front of a store', () => {
  let now: number;
  let journal: LocalJournal;
  let tier: MemoryTier;

  const read = (address = A, text = 'old') => tier.read(address, journal, async () => page(text));
  const kept = ({ key } = A) => tier.get(key)?.body.toString();

  beforeEach(() => {
    now = 0;
    journal = new LocalJournal();
    tier = new MemoryTier({ maxBytes: 1000, ttl: TTL }, () => now);
  });

  it('gives what the store gave, until the ttl has passed since the store was asked', async () => {
    await tier.read(A, journal, async () => {
      now += 400;
      return page('old');
    });
    now = TTL - 1;
    expect(kept()).toBe('old');
    now = TTL;
    expect(kept()).toBeUndefined();
  });

  it('is not asked to keep longer by being asked', async () => {
    await read();
    for (now = 0; now < TTL; now += 100) expect(kept()).toBe('old');
    expect(kept()).toBeUndefined();
  });

  it('keeps nothing where the store has no page', async () => {
    expect(await tier.read(A, journal, async () => undefined)).toBeUndefined();
    expect(kept()).toBeUndefined();
  });

  it.each([
    ['itself', () => tier.drop(A.key)],
    ['a purge of its path', () => tier.purge({ kind: 'paths', paths: [{ path: A.path }] })],
  ] as const)('drops a page for %s, and keeps no answer that was under way', async (_, remove) => {
    await read();
    await read(B);
    let answer!: (given: Page) => void;
    const reading = tier.read(A, journal, () => new Promise((resolve) => (answer = resolve)));
    remove();
    answer(page('old'));
    await reading;
    expect([kept(A), kept(B)]).toEqual([undefined, 'old']);
  });

  it('drops what is in the journal, and what may be: nobody knows the tags of a page that was read', async () => {
    await read();
    await read(B);
    await journal.append({ kind: 'under', path: '/a' });
    expect([kept(A), kept(B)]).toEqual([undefined, 'old']);
    await journal.append({ kind: 'tags', tags: ['posts'] });
    expect(kept(B)).toBeUndefined();
  });

  it('counts what came into the journal while the store was asked', async () => {
    await tier.read(A, journal, async () => {
      await journal.append({ kind: 'all' });
      return page('old');
    });
    expect(kept()).toBeUndefined();
    await read(A, 'new');
    expect(kept()).toBe('new');
  });

  it('gives nothing where the journal has a gap', async () => {
    await read();
    journal.window.forget();
    expect(kept()).toBeUndefined();
  });

  it('holds maxBytes: the least recently used go first, and what is larger is not kept', async () => {
    await read(A, 'a'.repeat(400));
    await read(B, 'b'.repeat(400));
    expect(kept(A)).toBeDefined();
    await read(addressOf('page:/c'), 'c'.repeat(400));
    expect(kept(B)).toBeUndefined();
    expect(kept(A)).toBeDefined();
    await read(B, 'b'.repeat(1000));
    expect(kept(B)).toBeUndefined();
    expect(kept(A)).toBeDefined();
  });

  it('keeps bytes of its own, not the buffer that they came in', async () => {
    const chunk = Buffer.alloc(65_536, 'x');
    await tier.read(A, journal, async () => ({ ...page(''), body: chunk.subarray(10, 20) }));
    expect(tier.get(A.key)?.body.buffer.byteLength).toBe(10);
  });
});
