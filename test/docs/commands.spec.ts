import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { codeBlocks, GUIDES, textOf } from './code-blocks.js';

const root = join(import.meta.dirname, '../..');

const named = (...languages: string[]) =>
  codeBlocks(...languages).map(({ guide, line, text }) => ({ name: `${guide}:${line}`, text }));

describe('commands', () => {
  it.each(named('sh', 'bash'))('a shell can read $name', ({ text }) => {
    expect(spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' }).stderr).toBe('');
  });

  it.each(GUIDES)('the scripts that %s runs exist', (guide) => {
    const text = textOf(guide);
    const manifest = [dirname(guide), '.'].map((folder) => join(root, folder, 'package.json')).find(existsSync)!;
    const { scripts } = JSON.parse(readFileSync(manifest, 'utf8')) as { scripts: Record<string, string> };
    const names = Array.from(
      text.matchAll(/\bnpm (?:run (\S+?)|(start|test))(?=[\s`.,;)])/g),
      ([, run, own]) => run ?? own,
    );
    expect(names.filter((name) => !(name! in scripts))).toEqual([]);
    const files = Array.from(text.matchAll(/\b(?:scripts|bench)\/[\w/-]+\.(?:mjs|ts)\b/g), ([file]) => file);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

it.each(named('console'))('a shell can read the commands of $name', ({ text }) => {
  const input = Array.from(text.matchAll(/^\$ (.*)$/gm), ([, command]) => command).join('\n');
  expect(spawnSync('bash', ['-n'], { input, encoding: 'utf8' }).stderr).toBe('');
});

it.each(named('js'))('$name is JavaScript', ({ text }) => {
  const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true, fileName: 'block.js' });
  expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([]);
});

it.each(named('json'))('$name is JSON', ({ text }) => {
  expect(() => JSON.parse(text) as unknown).not.toThrow();
});

it.each(named('yaml'))('$name is YAML', ({ text }) => {
  expect(() => parse(text) as unknown).not.toThrow();
});

it('blocks of code have a language that a test reads', () => {
  const tested = new Set(['ts', 'js', 'sh', 'bash', 'console', 'json', 'yaml', 'nginx', 'ini', 'dockerfile']);
  const languages = GUIDES.flatMap((guide) => Array.from(textOf(guide).matchAll(/^ *```(\w+)/gm), ([, name]) => name!));
  expect([...new Set(languages)].filter((name) => !tested.has(name))).toEqual([]);
});
