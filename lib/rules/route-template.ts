import { canonicalSegment } from './canonical-path.rule.js';
import { literal } from './pattern.js';

/**
 * The parts of a route template, of Express 5 (path-to-regexp: `:id`, `:"id"`, `*rest`, `{…}`, `\` before a literal) and of
 * Fastify (find-my-way: `:id`, `:id(\\d+)`, `:id?`, `*`, `::` for a colon).
 */
const PARTS =
  /(?<optional>\/:\w+(?:\((?:[^()]|\([^()]*\))*\))?\?)|(?<colon>::)|\\(?<escaped>.)|(?<parameter>:(?:\w+|"[^"]*")(?:\((?:[^()]|\([^()]*\))*\))?)|(?<wildcard>\*(?:\w+|"[^"]*")?)|(?<open>\{)|(?<close>\})|(?<text>(?:(?!\/:\w+(?:\((?:[^()]|\([^()]*\))*\))?\?)[^:*{}\\])+)/gsu;

/**
 * The raw paths that a route answers in its own letters. The router has already matched the request, so it is enough that the
 * fixed parts stand there literally; that parameters are in canonical form is a rule of its own.
 */
export function templatePattern(template: string): RegExp {
  const parts = Array.from(template.matchAll(PARTS), ({ groups = {} }) => {
    if (groups['optional']) return '(?:/[^/]+)?';
    if (groups['parameter']) return '[^/]+';
    if (groups['wildcard']) return '.*';
    if (groups['open']) return '(?:';
    if (groups['close']) return ')?';
    return text(groups['colon'] ? ':' : (groups['escaped'] ?? groups['text'] ?? ''));
  });
  const pattern = `^${parts.join('') || '/'}$`;
  // A root whose only parameter is optional.
  return new RegExp(new RegExp(pattern).test('') ? `${pattern}|^/$` : pattern);
}

/** Fastify's router compares decoded paths, so its templates are decoded; Express's compares, and has, encoded ones. */
function text(template: string): string {
  const encoded = template.split('/').map(canonicalSegment).join('/');
  return template.includes('%') ? `(?:${literal(encoded)}|${literal(template)})` : literal(encoded);
}
