import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';
import { expect, it } from 'vitest';

// Jest and bundlers turn the package into CommonJS, where `import.meta` and `await` outside of functions are syntax errors.
it('every module also compiles as CommonJS', () => {
  const modules = readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    // The command is a program: nobody imports it.
    .filter((path) => !path.startsWith('cli/'));
  expect(modules.length).toBeGreaterThan(100);
  for (const path of modules) {
    const { outputText } = ts.transpileModule(readFileSync(join('lib', path), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
        experimentalDecorators: true,
      },
    });
    new Script(`(function (exports, require, module) {${outputText}\n})`, { filename: path });
  }
});
