import { dirname, join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { type CodeBlock, codeBlocks } from './code-blocks.js';

const CONTEXT = join(import.meta.dirname, 'context.ts');
const lib = join(import.meta.dirname, '../../lib');
const HBS = join(import.meta.dirname, '../../sample/types/hbs.d.ts');
/** In memory alone. */
const directory = join(import.meta.dirname, 'blocks');

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  strict: true,
  // As `nest new` sets it up.
  strictPropertyInitialization: false,
  experimentalDecorators: true,
  skipLibCheck: true,
  noEmit: true,
  paths: {
    'nestjs-nginx-cache': [join(lib, 'index.ts')],
    'nestjs-nginx-cache/*': [join(lib, '*/index.ts')],
  },
};

const files = new Map<string, string>();
const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile, directoryExists } = host;
host.fileExists = (path) => files.has(path) || fileExists(path);
host.readFile = (path) => files.get(path) ?? readFile(path);
host.directoryExists = (path) => path.startsWith(directory) || directoryExists?.(path) === true;
host.getSourceFile = (path, ...rest) => {
  const text = files.get(path);
  return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
};

const context = ts.createProgram([CONTEXT], options, host);
const checker = context.getTypeChecker();
const known = new Set(
  checker.getExportsOfModule(checker.getSymbolAtLocation(context.getSourceFile(CONTEXT)!)!).map(({ name }) => name),
);

/** In one line each, so that lines keep their numbers. */
const WRAPPERS: Record<string, (text: string) => string> = {
  module: (text) => `${text}\nexport {};`,
  options: (text) => `defineConfig({ ${text} });\nexport {};`,
  members: (text) => `@Controller() export class Members extends Fields { ${text} }`,
};

function compiled({ text, part = 'module' }: CodeBlock): string {
  const code = WRAPPERS[part]?.(text) ?? `A block of ts is a module, or a part: ${Object.keys(WRAPPERS).join(', ')}`;
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2022, true);
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) statement.importClause?.forEachChild((node) => declare(node, declared));
    else if (ts.isVariableStatement(statement)) declare(statement.declarationList, declared);
    else if ('name' in statement) declared.add((statement.name as ts.Identifier).text);
  }
  // The entity of the blog has the name of a decorator of Nest.
  const isDecorator = /@Post\(/.test(code) && !declared.has('Post');
  if (isDecorator) declared.add('Post');
  const names = [...used].filter((name) => known.has(name) && !declared.has(name));
  const imports =
    names.length > 0 ? `import { ${names.join(', ')} } from ${JSON.stringify(importable(CONTEXT))}; ` : '';
  return `${isDecorator ? `import { Post } from '@nestjs/common'; ` : ''}${imports}${code}`;
}

function declare(node: ts.Node, names: Set<string>): void {
  if (ts.isIdentifier(node)) names.add(node.text);
  else if (ts.isImportSpecifier(node) || ts.isBindingElement(node) || ts.isVariableDeclaration(node))
    declare(node.name, names);
  else node.forEachChild((child) => declare(child, names));
}

const importable = (path: string) => path.replace(/\.ts$/, '.js');

/** A block that begins with the name of a file is that file, so that others of its guide can import it. */
function pathOf({ guide, line, text }: CodeBlock): string {
  const [, name] = /^\/\/ (\S+\.ts)\b/.exec(text) ?? [];
  const path = join(directory, guide, name ?? `line-${line}.ts`);
  return files.has(path) ? join(dirname(path), `line-${line}.ts`) : path;
}

/** The files of docs/recipes.md stand in test/recipes, too, and are compiled there. */
const isCompiledAlready = ({ guide, text }: CodeBlock) => guide === 'docs/recipes.md' && /^\/\/ \S+\.ts\n/.test(text);

const blocks = new Map(
  codeBlocks('ts')
    .filter((block) => !isCompiledAlready(block))
    .map((block) => {
      const path = pathOf(block);
      files.set(path, compiled(block));
      return [path, block] as const;
    }),
);
// The options stand in the README; other guides import them.
const config = files.get(join(directory, 'README.md/src/nginx-cache.config.ts')) ?? '';
for (const { guide } of blocks.values()) {
  const path = join(directory, guide, 'nginx-cache.config.ts');
  if (!files.has(path)) files.set(path, config);
}
const program = ts.createProgram([HBS, ...blocks.keys()], options, host, context);

it.each([...blocks].map(([path, { guide, line }]) => ({ name: `${guide}:${line}`, path })))(
  'the TypeScript at $name compiles',
  ({ path }) => {
    const { guide, line: firstLine } = blocks.get(path)!;
    const file = program.getSourceFile(path)!;
    const problems = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    const messages = problems.map(({ start = 0, messageText }) => {
      const { line } = file.getLineAndCharacterOfPosition(start);
      return `${guide}:${firstLine + line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    expect(messages).toEqual([]);
  },
);
