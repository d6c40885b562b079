import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { GUIDES, textOf } from './code-blocks.js';

/** Without blocks of code, in which brackets are no links. */
function proseOf(guide: string): string {
  return textOf(guide).replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
}

/** As GitHub names headings. */
function anchorsOf(guide: string): Set<string> {
  const headings = [...proseOf(guide).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it.each(GUIDES)('%s has no broken link', (guide) => {
  const links = [...proseOf(guide).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path ? join(dirname(guide), path) : guide;
      return !existsSync(target) || (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor));
    });
  expect(broken).toEqual([]);
});
