import { join, relative } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const entries = [
  'lib/index.ts',
  ...['dashboard', 'terminus', 'testing', 'typeorm'].map((folder) => `lib/${folder}/index.ts`),
].map((file) => join(root, file));

const program = ts.createProgram(entries, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  experimentalDecorators: true,
  skipLibCheck: true,
  types: [],
});
const checker = program.getTypeChecker();

interface Declared {
  readonly name: string;
  readonly isPublic: boolean;
  readonly isDescribed: boolean;
}

/** Declarations of the same name (overloads, a constant and its type) are described by one of them. */
function declared(symbol: ts.Symbol): Declared {
  const file = relative(root, symbol.declarations?.[0]?.getSourceFile().fileName ?? '');
  return {
    name: `${file} ${symbol.name}`,
    isPublic: symbol.getJsDocTags(checker).some(({ name }) => name === 'publicApi'),
    isDescribed: symbol.getDocumentationComment(checker).length > 0,
  };
}

const exported = new Map(
  entries
    .flatMap((entry) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!))
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .map(declared)
    .map((one) => [one.name, one]),
);

const all = program
  .getSourceFiles()
  .filter(({ fileName }) => fileName.startsWith(join(root, 'lib/')))
  .map((file) => checker.getSymbolAtLocation(file))
  .filter((module) => module !== undefined)
  .flatMap((module) => checker.getExportsOfModule(module))
  .filter(({ flags }) => !(flags & ts.SymbolFlags.Alias))
  .map(declared);

it('what is exported is marked @publicApi, and says what it is', () => {
  expect(exported.size).toBeGreaterThan(80);
  const lacking = [...exported.values()].filter(({ isPublic, isDescribed }) => !isPublic || !isDescribed);
  expect(lacking.map(({ name, isPublic }) => `${name}: ${isPublic ? 'no description' : 'no @publicApi'}`)).toEqual([]);
});

it('what is marked @publicApi is exported', () => {
  const hidden = all.filter(({ name, isPublic }) => isPublic && !exported.has(name));
  expect(hidden.map(({ name }) => name)).toEqual([]);
});
