import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** A fenced block of a guide. Its info string is the language, and what the block is a part of: ```ts options */
export interface CodeBlock {
  readonly guide: string;
  /** Of the first line of code. */
  readonly line: number;
  readonly language: string;
  readonly part: string | undefined;
  readonly text: string;
}

const folders = ['.', 'docs', 'sample', ...readdirSync(join(root, 'examples')).map((name) => join('examples', name))];

/** Paths below the root of the repository. */
export const GUIDES: readonly string[] = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

export function textOf(guide: string): string {
  return readFileSync(join(root, guide), 'utf8');
}

export function codeBlocks(...languages: string[]): CodeBlock[] {
  return GUIDES.flatMap((guide) => {
    const text = textOf(guide);
    return Array.from(text.matchAll(/^( *)```([a-z]+)(?: ([a-z]+))?\n(.*?)^ *```$/gms), (match): CodeBlock => {
      const [, indentation = '', language = '', part, code = ''] = match;
      return {
        guide,
        line: text.slice(0, match.index).split('\n').length + 1,
        language,
        part,
        text: code.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
      };
    }).filter(({ language }) => languages.includes(language));
  });
}
