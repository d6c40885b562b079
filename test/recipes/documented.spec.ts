import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const guide = readFileSync(join(import.meta.dirname, '../../docs/recipes.md'), 'utf8');
const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));

it.each(files)('docs/recipes.md shows %s as it is tested', (file) => {
  expect(guide).toContain(`\`\`\`ts\n// ${file}\n${readFileSync(join(import.meta.dirname, file), 'utf8').trim()}\n`);
});

it('docs/recipes.md shows no other file', () => {
  const shown = [...guide.matchAll(/^\/\/ (\S+\.ts)$/gm)].map(([, file]) => file);
  expect(new Set(shown)).toEqual(new Set(files));
});
