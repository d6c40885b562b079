import { join, relative } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const entries = ['.', 'dashboard', 'terminus', 'testing', 'typeorm'].map((folder) =>
  join(root, 'lib', folder, 'index.ts'),
);

const program = ts.createProgram(entries, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  experimentalDecorators: true,
  skipLibCheck: true,
});
const checker = program.getTypeChecker();

/** Something that a reader of the API reference looks up. */
interface Entry {
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
}

const exported: readonly Entry[] = entries.flatMap((entry) => {
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  return checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return entryOf(symbol.name, target);
  });
});

/** Nobody else calls these. */
const CALLED_BY_NEST = /^(?:on(?:Module|Application)|beforeApplication|intercept$|configure$|__@|prototype$)/;

/** Members of exported classes and interfaces that others use. */
const members: readonly Entry[] = exported.flatMap(({ symbol }) =>
  [
    checker.getDeclaredTypeOfSymbol(symbol),
    ...(symbol.flags & ts.SymbolFlags.Class ? [checker.getTypeOfSymbol(symbol)] : []),
  ]
    .flatMap((type) => (type.flags & ts.TypeFlags.Object ? checker.getPropertiesOfType(type) : []))
    .filter(({ declarations }) => declarations?.some(isOurs))
    .map((member) => entryOf(`${symbol.name}.${member.name}`, member))
    .filter(({ symbol: member, declaration }) => !isHidden(declaration) && !CALLED_BY_NEST.test(member.name)),
);

function isOurs(declaration: ts.Declaration): boolean {
  return declaration.getSourceFile().fileName.startsWith(join(root, 'lib/'));
}

function isHidden(declaration: ts.Declaration): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const name = ts.getNameOfDeclaration(declaration);
  const isListener =
    ts.canHaveDecorators(declaration) &&
    ts.getDecorators(declaration)?.some((one) => /OnPageCache/.test(one.getText()));
  return (
    (ts.getCombinedModifierFlags(declaration) & hidden) !== 0 ||
    (name !== undefined && ts.isPrivateIdentifier(name)) ||
    // The name of an error says it all.
    (ts.isPropertyDeclaration(declaration) && name?.getText() === 'name') ||
    isListener === true
  );
}

function entryOf(name: string, symbol: ts.Symbol): Entry {
  const declaration = symbol.declarations!.find(isOurs)!;
  return { name: `${relative(root, declaration.getSourceFile().fileName)} ${name}`, symbol, declaration };
}

/** Of all overloads together. */
function tagsOf({ symbol }: Entry, tag: string): string[] {
  return symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === tag)
    .map(({ text }) => ts.displayPartsToString(text));
}

function signaturesOf({ symbol, declaration }: Entry): readonly ts.Signature[] {
  return checker.getTypeOfSymbolAtLocation(symbol, declaration).getNonNullableType().getCallSignatures();
}

const functions = [...exported, ...members].filter(
  ({ symbol }) => symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Method),
);

/** Nothing, a decorator, or the generic result of a matcher of `expect()`. */
function returnsNothingToDescribe(signature: ts.Signature): boolean {
  const type = signature.getReturnType();
  const isNothing = ({ flags }: ts.Type) => (flags & (ts.TypeFlags.Void | ts.TypeFlags.Undefined)) !== 0;
  const isDecorator = type.getCallSignatures().length > 0;
  return isNothing(checker.getAwaitedType(type) ?? type) || isDecorator || type.isTypeParameter();
}

function throwsItself(node: ts.Node): boolean {
  return ts.isThrowStatement(node) || (!ts.isFunctionLike(node) && ts.forEachChild(node, throwsItself) === true);
}

it('everything that is exported, and each member of it, has a description', () => {
  const lacking = [...exported, ...members].filter(
    ({ symbol }) => symbol.getDocumentationComment(checker).length === 0,
  );
  expect(lacking.map(({ name }) => name)).toEqual([]);
});

it('each parameter of a function has an @param', () => {
  const lacking = functions.flatMap((entry) => {
    const described = tagsOf(entry, 'param').map((text) => /^[\w$]+/.exec(text)?.[0]);
    return signaturesOf(entry).flatMap(({ parameters }) =>
      parameters
        // A parameter that is taken apart has no name of its own.
        .filter(({ name }, index) => !(name.startsWith('__') ? described.length > index : described.includes(name)))
        .map(({ name }) => `${entry.name} @param ${name}`),
    );
  });
  expect(lacking).toEqual([]);
});

it('each function that returns something has an @returns', () => {
  const lacking = functions.filter(
    (entry) => !signaturesOf(entry).every(returnsNothingToDescribe) && tagsOf(entry, 'returns').length === 0,
  );
  expect(lacking.map(({ name }) => name)).toEqual([]);
});

it('each function that throws has an @throws', () => {
  const lacking = functions.filter(
    (entry) =>
      entry.symbol.declarations!.some((one) => ts.forEachChild(one, throwsItself) === true) &&
      tagsOf(entry, 'throws').length === 0,
  );
  expect(lacking.map(({ name }) => name)).toEqual([]);
});

it('functions, decorators and options have an @example', () => {
  const isCallable = (entry: Entry) => ts.isVariableDeclaration(entry.declaration) && signaturesOf(entry).length > 0;
  const isOptions = ({ name }: Entry) => /(?:Options|Deployment)$/.test(name);
  const lacking = exported
    .filter((one) => functions.includes(one) || isCallable(one) || isOptions(one))
    .filter((entry) => tagsOf(entry, 'example').length === 0);
  expect(lacking.map(({ name }) => name)).toEqual([]);
});
