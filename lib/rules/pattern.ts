/**
 * A pattern that PCRE (nginx) and JavaScript read alike, byte for byte. `source` is plain ASCII, has no capturing groups, and is used unchanged in
 * a `RegExp` and behind `~` or `~*` in an nginx `map`.
 */
export interface Pattern {
  readonly source: string;
  readonly ignoreCase: boolean;
}

/** Where a pattern is applied: what "any byte" means there, and which bytes can never be part of it. */
export interface Scope {
  /** A class, as a source, of the bytes that `*` and `.` may take. */
  readonly any: string;
  /** Bytes that end the text that a pattern is tried on; a pattern may not name them. */
  readonly delimiters: string;
}

/** The whole path of a request. */
export const PATH: Scope = { any: '[^?]', delimiters: '?' };
/** The name of a cookie inside a `Cookie` field. */
export const COOKIE_NAME: Scope = { any: '[^=;\\x09\\x20]', delimiters: '=;\t ' };
/** The name of a parameter inside a query. If a client sends a fragment, it is no part of the name. */
export const PARAMETER_NAME: Scope = { any: '[^=&\\x23]', delimiters: '=&#' };

/** The value of a parameter inside a query. */
export const PARAMETER_VALUE: Scope = { any: '[^&\\x23]', delimiters: '&#' };
/** The name of a header field. */
export const FIELD_NAME: Scope = { any: '[^:]', delimiters: ':' };

/** Why a pattern cannot be used, as a sentence for the person who wrote it. */
export class UnusablePatternError extends Error {
  override readonly name = 'UnusablePatternError';
}

/** The pattern as a JavaScript regular expression, to be tried on strings of bytes (latin1). */
export function toRegExp({ source, ignoreCase }: Pattern): RegExp {
  return new RegExp(source, ignoreCase ? 'i' : '');
}

/** One byte as a source: letters and digits as they are, the rest as `\xHH`, which needs no quoting anywhere. */
export function byte(code: number): string {
  const char = String.fromCharCode(code);
  return /[A-Za-z0-9_/-]/.test(char) ? char : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A text as a source that matches its UTF-8 bytes. */
export function literal(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), byte).join('');
}

/** Either of the sources. */
export function anyOf(sources: readonly string[]): string {
  return sources.length === 1 ? `${sources[0]}` : `(?:${sources.join('|')})`;
}
