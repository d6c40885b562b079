import { literal, PATH, type Pattern, type Scope, UnusablePatternError } from './pattern.js';

/**
 * A whole path with `*` for any run of characters. `/posts/*` is `/posts` and everything below it, as in
 * `purgeUnder('/posts')`.
 */
export function pathGlob(glob: string): Pattern {
  if (!glob.startsWith('/')) throw new UnusablePatternError('a path pattern begins with "/"');
  if (/[?#]/.test(glob)) throw new UnusablePatternError('a path pattern holds no query and no fragment');
  const [, base = '', below] = /^(.*?)(\/\*)?$/s.exec(glob) ?? [];
  return { source: `^${stars(base, PATH)}${below ? `(?:/${PATH.any}*)?` : ''}$`, ignoreCase: false };
}

/** A whole name (of a cookie, of a query parameter) with `*` for any run of characters, as a part of a source. */
export function nameGlob(glob: string, scope: Scope): string {
  if (glob === '') throw new UnusablePatternError('a name cannot be empty');
  if (Array.from(scope.delimiters).some((delimiter) => glob.includes(delimiter))) {
    throw new UnusablePatternError(`a name cannot hold any of ${JSON.stringify(scope.delimiters)}`);
  }
  return stars(glob, scope);
}

/**
 * All stars but the last one end where the text behind them occurs first. Nothing can match at a later place only, and trying all places for each
 * star would take a time that grows with a power of the length.
 */
function stars(glob: string, { any }: Scope): string {
  const [first = '', ...others] = glob.split(/\*+/).map((text) => literal(text));
  const last = others.pop();
  const between = others.map((text) => `(?:(?!${text})${any})*${text}`);
  return [first, ...between, ...(last === undefined ? [] : [`${any}*${last}`])].join('');
}
