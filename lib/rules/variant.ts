import { anyOf, literal } from './pattern.js';
import { excludedRule, includedRule, type PathPattern } from './path.rule.js';
import type { RequestHead } from './request-head.js';
import { compileException, type Exception, type Rule, type RuleTest, type Subject, test } from './rule.js';

/**
 * Several renderings of the same addresses. A cookie or a request field with a finite list of values chooses one.
 *
 * @example
 * { name: 'lang', cookie: 'lang', values: ['en', 'de'], default: 'en' }
 *
 * @publicApi
 */
export interface Variant {
  /** The name in the key: `;lang=de`. */
  readonly name: string;
  /** The cookie that has the value. It never counts as a session. */
  readonly cookie?: string;
  /**
   * The request field that has the value: the whole field (`Sec-CH-UA-Mobile`), or for `Accept-Language` the first language that is one of
   * the values. nginx replaces the field by the chosen value.
   */
  readonly header?: string;
  /** All possible values. A request with another value bypasses the cache (with `Accept-Language`, it gets the default). */
  readonly values: readonly string[];
  /** The value for requests without the cookie or field, and for paths that do not vary. It is one of the values. */
  readonly default: string;
  /** Only these paths vary: `/posts/*`, or regular expressions. Default: all. */
  readonly include?: readonly PathPattern[];
  /** These paths do not vary: a feed, for example, is the same for everybody. */
  readonly exclude?: readonly PathPattern[];
}

const SPACE = '[\\x09\\x20]*';
/** Some cookie parsers take byte A0 for a space, and read the cookie behind it. */
const BEFORE_NAME = '[\\x09\\x20\\xA0]*';

/** The paths where a variant makes no difference; `undefined` when there are none. */
export function variantException({ name, include, exclude = [] }: Variant): Exception | undefined {
  const rules = [...(exclude.length > 0 ? [excludedRule(exclude)] : []), ...(include ? [includedRule(include)] : [])];
  return rules.length > 0 ? { name: `not_${name}`, rules } : undefined;
}

/** Whether a variant makes a difference for the page of a request or of a path. */
export function variesBy(variant: Variant): (request: Pick<RequestHead, 'target'>) => boolean {
  const isExcepted = compileException(variantException(variant));
  return ({ target }) => !isExcepted?.({ method: 'GET', target, headers: {} });
}

/** What a variant is read from. */
export function variantSubject({ header }: Variant): Subject {
  return header === undefined ? 'cookie' : `header:${header.toLowerCase()}`;
}

/** A test for each value, the longer first: `pt-br` before `pt`. If none matches, the default counts. */
export function variantTests(variant: Variant): { readonly value: string; readonly test: RuleTest }[] {
  const subject = variantSubject(variant);
  const values = variant.values.toSorted((a, b) => b.length - a.length);
  return values.map((value) => {
    if (isLanguage(variant)) {
      const source = `^(?:(?!${language(anyOf(values.map(literal)))})[^,]*,)*${language(literal(value))}`;
      return { value, test: { subject, pattern: { source, ignoreCase: true } } };
    }
    const source = variant.cookie === undefined ? whole(value) : `${cookieName(variant.cookie)}=${end(value)}`;
    return { value, test: test(subject, source) };
  });
}

/** A value that is not in the list may make any page, so its page is neither looked up nor stored. */
export function variantRule(variant: Variant): Rule | undefined {
  const subject = variantSubject(variant);
  const reason = `variant-${variant.name}`;
  const except = variantException(variant);
  if (isLanguage(variant)) return undefined;
  if (variant.cookie === undefined) {
    const known = ['', ...variant.values];
    return { reason, except, bypassWhen: 'none matches', tests: known.map((value) => test(subject, whole(value))) };
  }
  const name = cookieName(variant.cookie);
  return {
    reason,
    except,
    bypassWhen: 'one matches',
    tests: [
      test(subject, `${name}(?!=${anyOf(variant.values.map(end))})${SPACE}(?:[=;]|$)`),
      test(subject, `${name}=.*${name}${SPACE}(?:[=;]|$)`),
    ],
  };
}

/** The request fields by which a request gets certain values of the variants. */
export function variantFields(
  variants: readonly Variant[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const cookies = variants.flatMap(({ name, cookie }) => (cookie === undefined ? [] : [`${cookie}=${values[name]}`]));
  const headers = variants.flatMap(({ name, header }) => (header === undefined ? [] : [[header, values[name] ?? '']]));
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}) };
}

/** The request fields in which the variants are read, for `Vary` (RFC 9110, section 12.5.5). */
export function variantVary(variants: readonly Variant[]): string[] {
  return [...new Set(variants.map(({ header }) => header ?? 'Cookie'))];
}

/** Whether a variant weighs the visitor's preferences, and does not compare a value. */
export function isLanguage({ header }: Variant): boolean {
  return header?.toLowerCase() === 'accept-language';
}

/** A language range in the list, with anything after its tag except `q=0`, which means "not this one" (RFC 9110, section 12.4.2). */
function language(tag: string): string {
  const refused = `;${SPACE}q${SPACE}=${SPACE}0(?:\\.0*)?${SPACE}(?:[;,]|$)`;
  return `${SPACE}${tag}(?:-[A-Za-z0-9-]*)?${SPACE}(?:(?!${refused});|,|$)`;
}

function cookieName(cookie: string): string {
  return `(?:^|;)${BEFORE_NAME}${literal(cookie)}`;
}

/** nginx leaves tabs around the value of a field, Node does not. */
function whole(value: string): string {
  return `^${SPACE}${literal(value)}${SPACE}$`;
}

function end(value: string): string {
  return `${literal(value)}${SPACE}(?:;|$)`;
}
