import { type AST, RegExpParser } from '@eslint-community/regexpp';
import { byte, literal, type Pattern, PATH, type Scope, UnusablePatternError } from './pattern.js';

const refuse = (what: string, why: string): never => {
  throw new UnusablePatternError(`${what} ${why}`);
};
/** Refuses a part of the expression, shown as it was written. */
const refusePart = (raw: string, why: string): never => refuse(`"${raw}"`, why);
const DIFFERS = 'is read differently by nginx (PCRE, bytes) and by JavaScript';

/**
 * Rewrites a regular expression for whole paths, so that nginx and JavaScript read it alike. Refuses what they read differently: look-behind, back
 * references, `\s`, Unicode properties, the flags m, v and y, …
 */
export function portableRegExp(regexp: RegExp): Pattern {
  const alternatives = parse(regexp).alternatives.map((alternative) => sequence(alternative.elements, PATH, regexp));
  return { source: alternatives.join('|'), ignoreCase: regexp.ignoreCase };
}

/**
 * Rewrites a regular expression for a name or a value, as a part of the source that walks the whole field: `^` and `$` mean the ends of the name,
 * and nothing in the expression can run over them.
 */
export function nameRegExp(regexp: RegExp, scope: Scope): string {
  if (regexp.ignoreCase) refuse('the flag i', 'cannot be used here: names and values are compared as they are');
  return parse(regexp)
    .alternatives.map(({ elements }) => {
      const start = isEdge(elements[0], 'start');
      const end = isEdge(elements.at(-1), 'end');
      const inner = elements.slice(start ? 1 : 0, end ? -1 : undefined);
      const source = `${start ? '' : `${scope.any}*`}${sequence(inner, scope, regexp)}${end ? '' : `${scope.any}*`}`;
      return source === '' ? refuse('an empty name', 'matches nothing that could be ignored') : source;
    })
    .join('|');
}

function parse(regexp: RegExp): AST.Pattern {
  const flag = /[myv]/.exec(regexp.flags)?.[0];
  if (flag) refuse(`the flag ${flag}`, DIFFERS);
  return new RegExpParser().parsePattern(regexp.source, 0, undefined, { unicode: regexp.unicode });
}

function isEdge(element: AST.Element | undefined, kind: 'start' | 'end'): boolean {
  return element?.type === 'Assertion' && element.kind === kind;
}

function sequence(elements: readonly AST.Element[], scope: Scope, regexp: RegExp): string {
  return elements.map((element) => one(element, scope, regexp)).join('');
}

function one(element: AST.Element, scope: Scope, regexp: RegExp): string {
  switch (element.type) {
    case 'Character':
      return character(element, scope, regexp);
    case 'CharacterSet':
      if (element.kind === 'any') return scope.any;
      return shorthand(element, scope);
    case 'CharacterClass':
      return characterClass(element, scope);
    case 'Group':
    case 'CapturingGroup':
      if (element.type === 'Group' && element.modifiers) refusePart(element.raw, DIFFERS);
      return `(?:${element.alternatives.map(({ elements }) => sequence(elements, scope, regexp)).join('|')})`;
    case 'Quantifier':
      return `${one(quantified(element), scope, regexp)}${quantifier(element)}`;
    case 'Assertion':
      return assertion(element, scope, regexp);
    default:
      return refusePart(element.raw, DIFFERS);
  }
}

function character({ value, raw }: AST.Character, scope: Scope, { ignoreCase }: RegExp): string {
  const text = String.fromCodePoint(value);
  // A space is allowed: it can stand in a decoded path.
  if (value < 0x20 || value === 0x7f) return refusePart(raw, 'can never stand in a request target or a name');
  if (scope.delimiters.includes(text)) return refusePart(raw, 'cannot match: it ends what the pattern is tried on');
  if (value > 0x7f && ignoreCase) return refusePart(raw, 'cannot be used with the flag i: nginx compares bytes');
  if (/\p{Cs}/u.test(text)) return refuse('a character beyond U+FFFF', 'is one only with the flag u');
  return value > 0x7f ? `(?:${literal(text)})` : byte(value);
}

function shorthand({ kind, raw, ...rest }: AST.CharacterSet, scope: Scope): string {
  const negated = 'negate' in rest && rest.negate;
  if (kind === 'digit' && !negated) return '[0-9]';
  if (kind === 'word' && !negated) return '[A-Za-z0-9_]';
  if (scope === PATH && kind === 'digit') return '[^0-9]';
  if (scope === PATH && kind === 'word') return '[^A-Za-z0-9_]';
  return refusePart(raw, DIFFERS);
}

function characterClass({ elements, negate, raw }: AST.CharacterClass, scope: Scope): string {
  if (elements.length === 0) return refusePart(raw, DIFFERS);
  const parts = elements.map((element) => {
    if (element.type === 'CharacterClassRange') {
      return `${ascii(element.min)}-${ascii(element.max)}`;
    }
    if (element.type === 'Character') return ascii(element);
    if (element.type === 'CharacterSet')
      return shorthand(element, scope)
        .slice(1, -1)
        .replace(/^\^/, () => refusePart(raw, DIFFERS));
    return refusePart(raw, DIFFERS);
  });
  const delimiters = Array.from(scope.delimiters, (delimiter) => byte(delimiter.charCodeAt(0))).join('');
  if (negate) return `[^${parts.join('')}${delimiters}]`;
  const source = `[${parts.join('')}]`;
  // A range may contain delimiters: [!-~] does.
  const runsOver = Array.from(scope.delimiters).some((delimiter) => new RegExp(source).test(delimiter));
  return runsOver ? `(?:(?![${delimiters}])${source})` : source;
}

function ascii({ value, raw }: AST.Character): string {
  if (value > 0x7f) refusePart(raw, 'cannot stand in a class: nginx matches bytes, and in UTF-8 it is several');
  return value === 0x2d ? '\\x2D' : byte(value);
}

function quantified({ element, raw }: AST.Quantifier): AST.Element {
  return element.type === 'Assertion' ? refusePart(raw, DIFFERS) : element;
}

function quantifier({ min, max, greedy, raw }: AST.Quantifier): string {
  if (min > 1000 || (max !== Infinity && max > 1000)) refusePart(raw, 'repeats more often than PCRE may allow (1000)');
  return `{${min},${max === Infinity ? '' : max}}${greedy ? '' : '?'}`;
}

function assertion(element: AST.Assertion, scope: Scope, regexp: RegExp): string {
  if (scope !== PATH) return refusePart(element.raw, 'can only stand at the ends');
  switch (element.kind) {
    case 'start':
      return '^';
    case 'end':
      return '$';
    case 'word':
      return element.negate ? '\\B' : '\\b';
    case 'lookahead': {
      const inner = element.alternatives.map(({ elements }) => sequence(elements, scope, regexp)).join('|');
      return `(?${element.negate ? '!' : '='}${inner})`;
    }
    default:
      return refusePart(element.raw, DIFFERS);
  }
}
