import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { dropOldest } from '../async/drop-oldest.js';
import { type HeaderField, valuesOf } from '../http/fields.js';

/**
 * Stands for the nonce of each response in stored policies, and in `nginx.headers`. No nonce can have this value, because it is no base64 (Content
 * Security Policy Level 3, section 2.3.1).
 */
export const PAGE_NONCE = '{pageNonce}';

/** The form of nginx's `$request_id`: 128 random bits. */
const NONCE = /^[0-9a-f]{32}$/;
const SOURCE = /'nonce-([^']*)'/gi;

/** How many nonces one policy may name: nginx has a pattern for each number. */
export const NONCES_MAX_COUNT = 6;

const POLICIES: ReadonlySet<string> = new Set(['content-security-policy', 'content-security-policy-report-only']);

/** How many of the latest nonces are remembered. That is long enough for their responses. */
const MAX_MADE = 10_000;

/** How many nonces had been made before, by nonce. */
const made = new Map<string, number>();
let count = 0;

/** How many nonces had been made before a request arrived. */
const arrivals = new WeakMap<IncomingMessage, number>();

const nonces = new WeakMap<IncomingMessage, string>();

/**
 * Makes a nonce for a `Content-Security-Policy`, for one response. Call it once for each request, before the header is sent, and put the same text
 * into the policy and into the page. When the page is stored, every later response gets a nonce of its own in its place.
 *
 * Only pages on the paths of the option `fragments` are stored with a nonce. With the flavours `memcached` and `files`, the policy must
 * also stand in `nginx.headers`, with `{pageNonce}` in the place of the nonce.
 *
 * @returns 128 random bits, as 32 hexadecimal digits
 * @example
 * app.use((request, response, next) => {
 *   response.locals.nonce = pageNonce(); // <script nonce="{{nonce}}">
 *   next();
 * });
 * app.use(helmet({ contentSecurityPolicy: { directives: { scriptSrc: [(request, response) => `'nonce-${response.locals.nonce}'`] } } }));
 * @see https://www.w3.org/TR/CSP3/#security-nonces
 *
 * @publicApi
 */
export function pageNonce(): string {
  const nonce = newNonce();
  made.set(nonce, count);
  count += 1;
  dropOldest(made, MAX_MADE);
  return nonce;
}

function newNonce(): string {
  return randomBytes(16).toString('hex');
}

/** Must be called when a request arrives: nonces that were made before are not for its response. */
export function noteArrival(request: IncomingMessage): void {
  if (count > 0) arrivals.set(request, count);
}

function policiesOf(headers: readonly HeaderField[]): readonly HeaderField[] {
  return headers.filter(([name]) => isPolicy(name));
}

function isPolicy(name: string): boolean {
  return POLICIES.has(name.toLowerCase());
}

/** The policies of a response of Node. */
export function policyFields(get: (name: string) => unknown): HeaderField[] {
  return [...POLICIES].flatMap((name) => {
    const values = get(name) ?? [];
    return (Array.isArray(values) ? values : [values]).map((value): HeaderField => [name, String(value)]);
  });
}

/** The nonces that the policies of a response name, each once. */
export function namedNonces(headers: readonly HeaderField[]): string[] {
  return [
    ...new Set(policiesOf(headers).flatMap(([, value]) => [...value.matchAll(SOURCE)].map(([, nonce = '']) => nonce))),
  ];
}

/**
 * Whether `pageNonce()` has made all nonces of a response since its request arrived (somebody may know an older one), and whether nginx can put
 * others in their place.
 */
export function areNoncesReplaceable(headers: readonly HeaderField[], request: IncomingMessage): boolean {
  const isOwn = (nonce: string) => (made.get(nonce) ?? -1) >= (arrivals.get(request) ?? 0);
  if (!namedNonces(headers).every(isOwn)) return false;
  return [...POLICIES].every((name) => {
    const policies = valuesOf(headers, name).join();
    return !policies.includes('{') && [...policies.matchAll(SOURCE)].length <= NONCES_MAX_COUNT;
  });
}

/** The field of a response as it is stored. All nonces must be the response's own. */
export function withoutNonce([name, value]: HeaderField): HeaderField {
  return [name, isPolicy(name) ? value.replace(SOURCE, `'nonce-${PAGE_NONCE}'`) : value];
}

/** The field as it is sent. @param nonce is called only for a policy with a nonce */
export function withNonce([name, value]: HeaderField, nonce: () => string): HeaderField {
  return [name, isPolicy(name) ? value.replaceAll(PAGE_NONCE, nonce) : value];
}

/** The nonce of the response to a visitor: the same throughout the response, and in no other response. */
export function nonceFor(visitor: IncomingMessage): string {
  let nonce = nonces.get(visitor);
  if (nonce === undefined) nonces.set(visitor, (nonce = newNonce()));
  return nonce;
}

/** Takes the nonce that the response to a visitor has already. An invalid one is ignored. */
export function useNonce(visitor: IncomingMessage, nonce: string | undefined): void {
  if (nonce !== undefined && NONCE.test(nonce)) nonces.set(visitor, nonce);
}
