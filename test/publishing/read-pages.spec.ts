import { describe, expect, it, vi } from 'vitest';
import { ReadPages } from '../../lib/publishing/read-pages.js';

const START = Date.now();
/** @param end when it ends, in milliseconds from now */
const page = (end: number, isRead = false, key = 'page:/a') => ({ key, expires: START + end, isRead });

describe('a page counts as read', () => {
  it('when somebody has read it, and for `inactive` after that', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const pages = new ReadPages(60_000);
      expect(pages.isRead(page(5000))).toBe(false);
      expect(pages.isRead(page(5000, true))).toBe(true);
      vi.advanceTimersByTime(60_000);
      expect(pages.isRead(page(65_000))).toBe(true);
      vi.advanceTimersByTime(1);
      expect(pages.isRead(page(66_000))).toBe(false);
      // It was rendered ahead until then: nobody has asked for it again.
      expect(pages.isRead(page(66_000))).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('when somebody has asked for it again after its end, within `inactive`', () => {
    const pages = new ReadPages(60_000);
    expect([5000, 5000, 65_000].map((expires) => pages.isRead(page(expires)))).toEqual([false, false, true]);
    const others = new ReadPages(60_000);
    expect([5000, 65_001].map((expires) => others.isRead(page(expires)))).toEqual([false, false]);
    const never = new ReadPages(0);
    expect([5000, 6000].map((expires) => never.isRead(page(expires)))).toEqual([false, false]);
  });
});

it('pages that were kept and have not ended are known, those that were read last first', () => {
  const pages = new ReadPages(60_000);
  const later = 600_000;
  for (const key of ['a', 'b', 'c', 'd']) pages.isRead(page(key === 'c' ? -1 : later, true, key));
  pages.isRead(page(later, false, 'unread'));
  pages.isRead(page(later, true, 'a'));
  expect(pages.latest()).toEqual(['a', 'd', 'b']);
  for (const key of ['c', 'unread']) pages.isStored(key, START + later);
  expect(pages.latest()).toEqual(['a', 'd', 'c', 'b']);
});

it('of very many addresses the latest are remembered', () => {
  const pages = new ReadPages(60_000);
  for (let one = 0; one < 50_000; one += 1) {
    pages.isRead(page(5000, true, `page:/read/${one}`));
    pages.isRead(page(5000, false, `page:/unread/${one}`));
  }
  const [first, last] = ['0', '49999'];
  expect(pages.isRead(page(10_000, false, `page:/read/${first}`))).toBe(false);
  expect(pages.isRead(page(10_000, false, `page:/unread/${first}`))).toBe(false);
  expect(pages.isRead(page(10_000, false, `page:/read/${last}`))).toBe(true);
  expect(pages.isRead(page(10_000, false, `page:/unread/${last}`))).toBe(true);
});
