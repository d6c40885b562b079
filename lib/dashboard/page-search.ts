import type { PageInfo } from '../module/page-cache.service.js';

/**
 * Words that a page must have in its address: all of them, in upper or lower case. `tag:news` is a tag, `host:example.com` a host, and
 * `read:no` means pages that nobody has read.
 */
export function isSought(search: string): (page: PageInfo) => boolean {
  const tests = search
    .trim()
    .split(/\s+/)
    .map((word) => testOf(word));
  return (page) => tests.every((test) => test(page));
}

/** Whether a search looks at more than addresses. */
export function needsDetails(search: string): boolean {
  return /(?:^|\s)(?:tag|read):\S/.test(search);
}

function testOf(word: string): (page: PageInfo) => boolean {
  const [, name, value = ''] = /^(tag|host|read|server):(.+)$/s.exec(word) ?? [];
  switch (name) {
    case 'tag':
      return ({ tags }) => tags?.includes(value) === true;
    case 'host':
      return ({ host }) => host === value;
    case 'server':
      return ({ server }) => server === value;
    case 'read':
      return ({ isRead }) => isRead === (value === 'yes');
    default: {
      const sought = word.toLowerCase();
      return ({ target, host = '' }) => `${host}${target}`.toLowerCase().includes(sought);
    }
  }
}
