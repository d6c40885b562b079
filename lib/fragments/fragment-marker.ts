import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type FragmentParams, fragmentAddress, parseAddress } from './fragment-address.js';
import { noteFragment } from './fragment-use.js';
import { cut, type FragmentPlace, type MarkedPieces } from './page-pieces.js';

/**
 * The beginning of each marker. Nobody can guess it, and no reader ever sees it, so nothing that somebody has written can be taken for a
 * marker. A marker has only characters that neither HTML nor JSON escapes, so it may also go through a template that escapes it.
 */
const LEAD = `page-fragment.${randomBytes(24).toString('base64url')}.`;
const MARKER = new RegExp(
  `${LEAD.replaceAll('.', '\\.')}(?<payload>[A-Za-z0-9_-]+)~(?<signature>[A-Za-z0-9_-]{43})\\.`,
  'g',
);

/** Each marker is signed: somebody who has seen one all the same, in a page that could not be unpacked, cannot make another. */
const KEY = randomBytes(32);

let isUsed = false;

/**
 * Options of a fragment in a template.
 *
 * @example
 * pageFragment('user-bar', {}, { fallback: '<a href="/login">Sign in</a>' })
 *
 * @publicApi
 */
export interface FragmentOptions {
  /** HTML to show if the fragment fails, is late or is empty. Default: nothing. */
  fallback?: string;
}

/**
 * Puts a fragment into a page. Each visitor gets the HTML of the handler with `@PageFragment(name)` in its place.
 *
 * @param name the name of the fragment
 * @param params the query of the handler: strings, numbers and booleans. Their address may take up to 1000 bytes
 * @param options `fallback` is HTML; in it, `<!--#` becomes `<!-- #`
 * @returns a text for the template, which marks the place of the fragment
 * @throws {TypeError} when the name or a parameter is invalid, and when the fallback contains a fragment
 * @throws {RangeError} when the parameters are too long
 * @example
 * `<header>${pageFragment('user-bar', { post: 7 }, { fallback: '<a href="/login">Sign in</a>' })}</header>`
 * @example
 * hbs.registerHelper('pageFragment', (name, { hash }) => pageFragment(name, hash)); // {{pageFragment "user-bar" post=7}}
 * @see https://nginx.org/en/docs/http/ngx_http_ssi_module.html
 *
 * @publicApi
 */
export function pageFragment(
  name: string,
  params: FragmentParams = {},
  { fallback = '' }: FragmentOptions = {},
): string {
  const address = fragmentAddress(name, params);
  if (fallback.includes(LEAD)) throw new TypeError(`The fallback of the fragment ${name} contains a fragment.`);
  isUsed = true;
  noteFragment();
  const place: FragmentPlace = { address, fallback: withoutDirectives(fallback) };
  const payload = Buffer.from(JSON.stringify(place)).toString('base64url');
  return `${LEAD}${payload}~${signature(payload)}.`;
}

function signature(payload: string): string {
  return createHmac('sha256', KEY).update(payload).digest('base64url');
}

function isSigned(payload: string, given: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(signature(payload)));
}

/** In a page, a directive can print what only looks like a directive, or like the beginning of one at its end. In a stub, none can. */
function withoutDirectives(fallback: string): string {
  return fallback.replaceAll('<!--#', '<!-- #').replace(/<(?:!-{0,2})?$/, '$& ');
}

/** Whether there is any marker in this process. */
export function areMarkersUsed(): boolean {
  return isUsed;
}

export function hasMarkers(content: string | Uint8Array): boolean {
  return typeof content === 'string' ? content.includes(LEAD) : asBuffer(content).includes(LEAD);
}

/** A page as a handler has written it. */
export function markedPieces(body: Buffer): MarkedPieces {
  if (!body.includes(LEAD)) return [body];
  return cut(body, MARKER, ({ 0: whole, groups }) => {
    const { payload = '', signature: given = '' } = groups ?? {};
    if (!isSigned(payload, given)) return Buffer.from(whole, 'latin1');
    const place = JSON.parse(Buffer.from(payload, 'base64url').toString()) as FragmentPlace;
    return parseAddress(place.address) ? place : Buffer.alloc(0);
  });
}

/** The same text, of the same length, with spaces in place of markers. */
export function withoutMarkers(content: string | Uint8Array): string | Buffer {
  const blank = (marker: string) => ' '.repeat(marker.length);
  if (typeof content === 'string') return content.replace(MARKER, blank);
  return Buffer.from(asBuffer(content).toString('latin1').replace(MARKER, blank), 'latin1');
}

/** Where a marker begins, or may begin, whose end has not come yet; otherwise the end of the content. */
export function unfinishedMarker(content: Buffer): number {
  const start = content.lastIndexOf(LEAD);
  if (start >= 0 && content.indexOf('.', start + LEAD.length) < 0) return start;
  for (let length = Math.min(LEAD.length - 1, content.length); length > 0; length -= 1) {
    if (LEAD.startsWith(content.toString('latin1', content.length - length))) return content.length - length;
  }
  return content.length;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
