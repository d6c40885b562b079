import { createHash } from 'node:crypto';
import { ADDRESS } from './fragment-address.js';
import { cut, type FragmentPlace, isPlace, type MarkedPieces, NONCE, type PagePieces } from './page-pieces.js';
import { literal as escaped } from '../rules/pattern.js';

/** The variable of nginx that holds `<`. */
export const LESS_THAN_VARIABLE = 'page_cache_less_than';

const OPENING = '<!--#';
const END = ' -->';
const LESS_THAN = `${OPENING}echo var="${LESS_THAN_VARIABLE}" encoding="none"${END}`;

/** nginx gives each request 128 random bits in this form, and its subrequests the same ones. */
const NONCE_DIRECTIVE = `${OPENING}echo var="request_id" encoding="none"${END}`;

const HASH = '[0-9a-f]{16}';
const BLOCK = block(`f${HASH}`, '(?<fallback>[^]*?)');
const INCLUDE = `${OPENING}include virtual="(?<address>${ADDRESS})"(?: stub="f${HASH}")?${END}`;
const STORED = include(ADDRESS, `s${HASH}`);
const ANY = `(?:${OPENING}block name="s${HASH}"${END})?${INCLUDE}(?:${OPENING}endblock${END}${STORED})?`;
const DIRECTIVES = new RegExp(`(?<lessThan>${LESS_THAN})|(?<nonce>${NONCE_DIRECTIVE})|(?:${BLOCK})?${ANY}`, 'g');

/**
 * How a page on a path with fragments is stored: as HTML with directives for nginx's SSI filter. Anything else in it that looks like the
 * beginning of a directive becomes a directive that prints just that. So nginx executes nothing but the directives of this module.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 */
export function toSsi(pieces: PagePieces): Buffer {
  const written = joined(pieces).map((piece) => {
    if (piece === NONCE) return Buffer.from(NONCE_DIRECTIVE);
    return isPlace(piece) ? Buffer.from(directive(piece)) : literal(piece);
  });
  return Buffer.concat(written);
}

export function fromSsi(body: Buffer): PagePieces {
  return cut<PagePieces[number]>(body, DIRECTIVES, ({ groups = {} }) => {
    const { lessThan, nonce, fallback = '', address = '' } = groups;
    if (nonce !== undefined) return NONCE;
    if (lessThan !== undefined) return Buffer.from('<');
    return { address, fallback: Buffer.from(fallback, 'latin1').toString() };
  });
}

/**
 * Cuts the nonces out of a response.
 *
 * @param nonces the nonces that the response names: anything else that looks like one is text
 */
export function withoutNonces(pieces: MarkedPieces, nonces: readonly string[]): PagePieces {
  if (nonces.length === 0) return pieces;
  const pattern = new RegExp(nonces.map(escaped).join('|'), 'g');
  // nginx executes nothing in a fallback.
  return pieces.flatMap((piece): PagePieces => (isPlace(piece) ? [piece] : cut(piece, pattern, () => NONCE)));
}

/**
 * Makes a directive of each `<` that begins one. Does the same with a `<` that is the incomplete beginning of one, right before a directive
 * or at the end: nginx loses it if what it has read ends there, or writes it too late (`saved` in ngx_http_ssi_body_filter).
 */
function literal(html: Buffer): Buffer {
  const text = html.toString('latin1');
  const pieces: string[] = [];
  let end = text.length;
  /** Where the next directive begins. */
  let next = text.length;
  for (let at = text.lastIndexOf('<'); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('<', at - 1)) {
    if (!text.startsWith(OPENING, at) && at + beginningAt(text, at) !== next) continue;
    pieces.push(text.slice(at + 1, end), LESS_THAN);
    end = at;
    next = at;
  }
  if (pieces.length === 0) return html;
  return Buffer.from(text.slice(0, end) + pieces.reverse().join(''), 'latin1');
}

/** How many bytes match those of `<!--`. */
function beginningAt(text: string, at: number): number {
  let length = 1;
  while (length < 4 && text[at + length] === OPENING[length]) length += 1;
  return length;
}

/** Two adjacent pieces of HTML may together be the beginning of a directive. */
function joined(pieces: PagePieces): PagePieces {
  const result: PagePieces[number][] = [];
  for (const piece of pieces) {
    const before = result.at(-1);
    if (Buffer.isBuffer(before) && Buffer.isBuffer(piece)) result[result.length - 1] = Buffer.concat([before, piece]);
    else result.push(piece);
  }
  return result;
}

/**
 * If nginx does not find a fragment in the store, it uses the stub, which asks the application. (With `error_page`, the stub would come
 * first: ngx_http_finalize_request calls it before any error page.)
 */
function directive({ address, fallback, stored }: FragmentPlace): string {
  // nginx may put several pages into one, so the same name must be the same block.
  const stub = `f${hash(fallback)}`;
  const before = fallback === '' ? '' : block(stub, fallback);
  const ask = include(address, fallback === '' ? undefined : stub);
  if (stored === undefined) return before + ask;
  const asking = `s${hash(ask)}`;
  return before + block(asking, ask) + include(stored, asking);
}

function block(name: string, content: string): string {
  return `${OPENING}block name="${name}"${END}${content}${OPENING}endblock${END}`;
}

function include(address: string, stub: string | undefined): string {
  return `${OPENING}include virtual="${address}"${stub === undefined ? '' : ` stub="${stub}"`}${END}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
