import { ADDRESS } from './fragment-address.js';
import { cut, type FragmentPlace, isPlace, type PagePieces } from './page-pieces.js';

/** The variable of nginx that holds `<`. */
export const LESS_THAN_VARIABLE = 'page_cache_less_than';

const OPENING = '<!--#';
const END = ' -->';
const LESS_THAN = `${OPENING}echo var="${LESS_THAN_VARIABLE}" encoding="none"${END}`;

const BLOCK = `${OPENING}block name="\\d+"${END}(?<fallback>[^]*?)${OPENING}endblock${END}`;
const INCLUDE = `${OPENING}include virtual="(?<address>${ADDRESS})"(?: stub="\\d+")?${END}`;
const DIRECTIVES = new RegExp(`(?<lessThan>${LESS_THAN})|(?:${BLOCK})?${INCLUDE}`, 'g');

/**
 * How a page on a path with fragments is stored: as HTML with directives for nginx's SSI filter. Whatever else in it looks like the beginning
 * of a directive becomes one that writes just that, so nginx executes nothing but what stands here.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 */
export function toSsi(pieces: PagePieces): Buffer {
  const written = joined(pieces).map((piece, index) =>
    isPlace(piece) ? Buffer.from(directive(piece, index)) : literal(piece),
  );
  return Buffer.concat(written);
}

export function fromSsi(body: Buffer): PagePieces {
  return cut(body, DIRECTIVES, ({ groups = {} }) => {
    const { lessThan, fallback = '', address = '' } = groups;
    if (lessThan !== undefined) return Buffer.from('<');
    return { address, fallback: Buffer.from(fallback, 'latin1').toString() };
  });
}

/**
 * Makes a directive of each `<` that begins one, and of each that stands, with less than a whole beginning, right before a directive or at the
 * end: nginx loses these where what it has read ends there, or writes them too late (`saved` in ngx_http_ssi_body_filter).
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

/** How many bytes there are like those of `<!--`. */
function beginningAt(text: string, at: number): number {
  let length = 1;
  while (length < 4 && text[at + length] === OPENING[length]) length += 1;
  return length;
}

/** Two pieces of HTML that stand side by side may be the beginning of a directive together. */
function joined(pieces: PagePieces): PagePieces {
  const result: (Buffer | FragmentPlace)[] = [];
  for (const piece of pieces) {
    const before = result.at(-1);
    if (before && !isPlace(before) && !isPlace(piece)) result[result.length - 1] = Buffer.concat([before, piece]);
    else result.push(piece);
  }
  return result;
}

/** @param index another one for each place of the page */
function directive({ address, fallback }: FragmentPlace, index: number): string {
  const include = `${OPENING}include virtual="${address}"`;
  if (fallback === '') return `${include}${END}`;
  const block = `${OPENING}block name="${index}"${END}${fallback}${OPENING}endblock${END}`;
  return `${block}${include} stub="${index}"${END}`;
}
