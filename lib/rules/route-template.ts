import { canonicalSegment } from './canonical-path.rule.js';
import { literal } from './pattern.js';

/**
 * The parts of a route template of Express 5 (path-to-regexp: `:id`, `:"id"`, `*rest`, `{…}`, `\` before a literal) or Fastify (find-my-way: `:id`,
 * `:id(\\d+)`, `:id?`, `*`, `::` for a colon).
 */
const PARTS =
  /(?<optional>\/:\w+(?:\((?:[^()]|\([^()]*\))*\))?\?)|(?<colon>::)|\\(?<escaped>.)|(?<parameter>:(?:\w+|"[^"]*")(?:\((?:[^()]|\([^()]*\))*\))?)|(?<wildcard>\*(?:\w+|"[^"]*")?)|(?<open>\{)|(?<close>\})|(?<text>(?:(?!\/:\w+(?:\((?:[^()]|\([^()]*\))*\))?\?)[^:*{}\\])+)/gsu;

/**
 * Matches the raw paths that have the route's own letters. The router has already matched the request, so it is enough that the fixed parts are
 * literally the same. Another rule checks that parameters are in canonical form.
 */
export function templatePattern(template: string): RegExp {
  const pattern = `^${partsOf(template).map(sourceOf).join('') || '/'}$`;
  // The template is a root whose only parameter is optional.
  return new RegExp(new RegExp(pattern).test('') ? `${pattern}|^/$` : pattern);
}

/**
 * The same path in the route's own letters: `/POSTS/Hello` is `/posts/Hello` to `/posts/:slug`.
 *
 * @param path raw, in canonical form
 * @returns `undefined` when the route does not match the path, not even in other letters
 */
export function inOwnLetters(template: string, path: string): string | undefined {
  const parts = partsOf(template);
  // Each part has a capture, except for brackets, which only group other parts.
  const source = parts.map((part) => ('group' in part ? sourceOf(part) : `(${sourceOf(part)})`)).join('');
  const found = new RegExp(`^${source || '/'}$`, 'i').exec(path)?.slice(1);
  if (!found) return undefined;
  return parts
    .filter((part) => !('group' in part))
    .map((part, index) => ownLetters(part, found[index] ?? ''))
    .join('');
}

type Part = { readonly any: string } | { readonly group: string } | { readonly texts: readonly string[] };

function partsOf(template: string): Part[] {
  return Array.from(template.matchAll(PARTS), ({ groups = {} }): Part => {
    if (groups['optional']) return { any: '(?:/[^/]+)?' };
    if (groups['parameter']) return { any: '[^/]+' };
    if (groups['wildcard']) return { any: '.*' };
    if (groups['open']) return { group: '(?:' };
    if (groups['close']) return { group: ')?' };
    return { texts: spellings(groups['colon'] ? ':' : (groups['escaped'] ?? groups['text'] ?? '')) };
  });
}

/** Fastify's router compares decoded paths, so its templates are decoded. Express compares encoded paths, and its templates are encoded. */
function spellings(text: string): string[] {
  const encoded = text.split('/').map(canonicalSegment).join('/');
  return text.includes('%') ? [encoded, text] : [encoded];
}

function sourceOf(part: Part): string {
  if ('any' in part) return part.any;
  if ('group' in part) return part.group;
  const [only = '', ...others] = part.texts.map((text) => literal(text));
  return others.length > 0 ? `(?:${[only, ...others].join('|')})` : only;
}

function ownLetters(part: Part, found: string): string {
  const texts = 'texts' in part ? part.texts : [];
  return texts.find((text) => text.toLowerCase() === found.toLowerCase()) ?? found;
}
