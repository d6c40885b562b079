// Copies what is written in Markdown to pages/, where it is in the repository, so that links between guides, examples and the README hold.
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const site = dirname(fileURLToPath(import.meta.url));
const root = join(site, '../..');

const folders = ['.', 'docs', 'sample', ...readdirSync(join(root, 'examples')).map((name) => join('examples', name))];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

rmSync(join(site, 'pages'), { recursive: true, force: true });
for (const file of [...files, 'bench/results/hits.svg']) cpSync(join(root, file), join(site, 'pages', file));
cpSync(join(root, 'docs/images'), join(site, 'pages/docs/images'), { recursive: true });
