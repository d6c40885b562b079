import { ADDRESS } from './fragment-address.js';
import { cut, type FragmentPlace, isPlace, type PagePieces } from './page-pieces.js';

/** What a directive of nginx's SSI filter begins with. */
export const SSI_OPENING = '<!--#';
/** The variable of nginx that holds just that. */
export const SSI_OPENING_VARIABLE = 'page_cache_ssi_opening';

const END = ' -->';
const OPENING = `${SSI_OPENING}echo var="${SSI_OPENING_VARIABLE}" encoding="none"${END}`;
/** There is no such variable. */
const NOTHING = `${SSI_OPENING}echo var="page_cache_ssi_nothing" default=""${END}`;

const BLOCK = `${SSI_OPENING}block name="\\d+"${END}(?<fallback>[^]*?)${SSI_OPENING}endblock${END}`;
const INCLUDE = `${SSI_OPENING}include virtual="(?<address>${ADDRESS})"(?: stub="\\d+")?${END}`;
const DIRECTIVES = new RegExp(`(?<opening>${OPENING})|(?<nothing>${NOTHING})|(?:${BLOCK})?${INCLUDE}`, 'g');

/**
 * How a page on a path with fragments is stored: as HTML with directives for nginx's SSI filter. Whatever else in it looks like the beginning
 * of a directive becomes one that writes just that, so nginx executes nothing but what stands here.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 */
export function toSsi(pieces: PagePieces): Buffer {
  const whole = joined(pieces);
  const written = whole.map((piece, index) => {
    if (isPlace(piece)) return Buffer.from(directive(piece, index));
    return literal(piece, index === whole.length - 1);
  });
  return Buffer.concat(written);
}

export function fromSsi(body: Buffer): PagePieces {
  return cut(body, DIRECTIVES, ({ groups = {} }) => {
    const { opening, nothing, fallback = '', address = '' } = groups;
    if (opening !== undefined) return Buffer.from(SSI_OPENING);
    if (nothing !== undefined) return Buffer.alloc(0);
    return { address, fallback: Buffer.from(fallback, 'latin1').toString() };
  });
}

/** @param isLast at the end of a page, nginx waits in vain for the rest of what begins a directive, and loses it */
function literal(html: Buffer, isLast: boolean): Buffer {
  const text = html.toString('latin1');
  const isLost = isLast && /<(?:!-{0,2})?$/.test(text);
  if (!isLost && !text.includes(SSI_OPENING)) return html;
  return Buffer.from(text.replaceAll(SSI_OPENING, OPENING) + (isLost ? NOTHING : ''), 'latin1');
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
  const include = `${SSI_OPENING}include virtual="${address}"`;
  if (fallback === '') return `${include}${END}`;
  const block = `${SSI_OPENING}block name="${index}"${END}${fallback}${SSI_OPENING}endblock${END}`;
  return `${block}${include} stub="${index}"${END}`;
}
