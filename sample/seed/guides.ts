import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { PostText } from '../posts/posts.service.js';

/** The same directory whether this file runs from sample/ or, compiled, from sample/dist/. */
const repository = dirname(createRequire(import.meta.url).resolve('nestjs-nginx-cache/package.json'));

/** A post is tagged with the topics that its title or its headings name. */
const TOPICS = ['nginx', 'memcached', 'purge', 'keys', 'testing', 'typeorm', 'security', 'speed', 'fastify'];

export interface Guide {
  slug: string;
  text: PostText;
}

/** This project's own guides, in the order in which to read them. */
export async function readGuides(): Promise<Guide[]> {
  const files = [
    ...(await markdownIn(join(repository, 'sample/content'))),
    ...(await markdownIn(repository)).filter((file) => basename(file) === 'README.md'),
    ...(await markdownIn(join(repository, 'docs'))),
  ];
  const slugs = new Set(files.map(slugOfFile));
  return Promise.all(files.map((file) => readGuide(file, slugs)));
}

async function readGuide(file: string, slugs: ReadonlySet<string>): Promise<Guide> {
  const markdown = await readFile(file, 'utf8');
  const title = /^# +(.+)$/m.exec(markdown)?.[1] ?? basename(file, '.md');
  const body = withLinksToPosts(markdown.replace(/^# +.+\n+/m, ''), slugs);
  return {
    slug: slugOfFile(file),
    text: { title: plain(title), summary: summaryOf(body), body, tags: tagsOf(markdown) },
  };
}

/** `[…](docs/purging.md#tags)` leads to `/posts/purging#tags`. */
function withLinksToPosts(markdown: string, slugs: ReadonlySet<string>): string {
  return markdown.replace(
    /\]\((?!\w+:|\/)(?:[\w.-]+\/)*([\w-]+\.md)(#[^)]*)?\)/g,
    (link, file: string, fragment = '') => {
      const slug = slugOfFile(file);
      return slugs.has(slug) ? `](/posts/${slug}${fragment})` : link;
    },
  );
}

/** The first paragraph that is text: not a heading, list, table, quotation, image or code. */
function summaryOf(markdown: string): string {
  const paragraph = markdown
    .split(/\n{2,}/)
    .find((block) => /^[\w`*"'([]/.test(block.trim()) && !block.includes('```'));
  return plain(paragraph ?? '');
}

function tagsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ .+$/gm)].join(' ').toLowerCase();
  return TOPICS.filter((topic) => headings.includes(topic)).slice(0, 3);
}

function plain(markdown: string): string {
  return markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*_]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

function slugOfFile(file: string): string {
  return basename(file, '.md').toLowerCase();
}

async function markdownIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(directory, name));
}
