import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SUPPORT = ['recipe-application.ts'];

const files = readdirSync(import.meta.dirname).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts') && !SUPPORT.includes(file),
);

it.each(files)('docs/recipes.md shows %s as it is tested', (file) => {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
  expect(guide).toContain(readFileSync(join(import.meta.dirname, file), 'utf8').trim());
});
