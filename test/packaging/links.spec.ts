import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const folders = ['.', 'docs', 'sample', ...readdirSync('examples').map((name) => join('examples', name))];
const guides = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** Without blocks of code, in which brackets are no links. */
function textOf(guide: string): string {
  return readFileSync(guide, 'utf8').replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
}

/** As GitHub names headings. */
function anchorsOf(guide: string): Set<string> {
  const headings = [...textOf(guide).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it.each(guides)('%s has no broken link', (guide) => {
  const links = [...textOf(guide).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path ? join(dirname(guide), path) : guide;
      return !existsSync(target) || (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor));
    });
  expect(broken).toEqual([]);
});
