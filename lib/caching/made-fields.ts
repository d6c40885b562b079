import type { ServerResponse } from 'node:http';
import { currentAge } from '../http/current-age.js';
import { httpDate } from '../http/http-date.js';
import { headerOf, type HeaderField, valuesOf } from '../http/fields.js';
import { storedFields } from '../http/stored-fields.js';
import { contentTag, uniqueTag, weak } from '../http/validators.js';
import { WORTH_COMPRESSING } from '../http/codings.js';
import { replaceInHeader } from './made-header.js';

/**
 * The fields that a page gets besides the application's own: an `ETag` and a `Last-Modified` (RFC 9110, section 8.8), the same when
 * it is rendered as when it is served from the cache, and the `Date` from which its age is counted.
 *
 * Content that is sent in one piece has the same `ETag` in every rendering. Else the header is gone before the content is known, and
 * each rendering has its own.
 */
export class MadeFields {
  #tag: string | undefined;
  #lastModified: string | undefined;
  #hasOwnDate = false;
  #date: string | undefined;
  #tagOfContent: (() => string) | undefined;

  /**
   * @param compress whether the page may be stored in another coding than it is sent in
   * @param ages whether its `Cache-Control` is the application's own: `clientCacheControl` counts from each hit
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly compress: boolean,
    private readonly ages: boolean,
  ) {}

  /**
   * Puts the validators into the header that is about to leave.
   *
   * @param lastModified of a version by its tag, if that is known, at the latest at a given time; like `now`, in milliseconds since the epoch
   */
  addTo(
    headers: readonly HeaderField[],
    now: number,
    lastModified: (version: string | undefined, latest: number) => number | undefined,
  ): void {
    const { response } = this;
    const age = currentAge((name) => valuesOf(headers, name), now);
    const own = headerOf({ headers }, 'etag');
    const version = own ?? this.#tagOfContent?.();
    if (own === undefined) {
      this.#tag = version ?? uniqueTag();
      response.setHeader('ETag', this.isStoredAsSent() ? this.#tag : weak(this.#tag));
    }
    const ownDate = headerOf({ headers }, 'last-modified');
    this.#hasOwnDate = ownDate !== undefined;
    const date = this.modified(ownDate, now - age, (latest) => lastModified(version, latest));
    if (date !== undefined) {
      this.#lastModified = new Date(date).toUTCString();
      response.setHeader('Last-Modified', this.#lastModified);
    }
    if (this.ages) this.count(age, now);
  }

  /**
   * No date is later than the `Date` of the response (RFC 9110, section 8.8.2.1).
   *
   * @returns `undefined` when the application's own is to stay, or when there is none
   */
  private modified(
    own: string | undefined,
    latest: number,
    made: (latest: number) => number | undefined,
  ): number | undefined {
    if (own === undefined) return made(latest);
    return (httpDate(own) ?? 0) > latest ? latest : undefined;
  }

  /** On a hit, the `Date` says how old the page is. On the way to the visitor of a miss, nginx puts its own in the place of that. */
  private count(age: number, now: number): void {
    this.#date = new Date(now - age).toUTCString();
    if (age >= 1000) this.response.setHeader('Age', Math.floor(age / 1000));
  }

  /**
   * All of the content, before it is sent.
   *
   * @param isSeen whether anybody gets the header
   */
  know(content: () => Uint8Array, isSeen: boolean): void {
    const tagOfContent = () => contentTag(content());
    if (!this.response.headersSent) this.#tagOfContent = tagOfContent;
    if (this.#tag === undefined) return;
    const tag = tagOfContent();
    if (!isSeen || replaceInHeader(this.response, this.#tag, tag)) this.#tag = tag;
  }

  /** The header that is stored, of the one that was sent. */
  stored(headers: readonly HeaderField[]): HeaderField[] {
    const replaced = this.#lastModified === undefined ? ['date'] : ['date', 'last-modified'];
    const fields = storedFields(headers).filter(([name]) => !replaced.includes(name.toLowerCase()));
    if (this.#tag !== undefined) fields.push(['ETag', this.#tag]);
    if (this.#lastModified !== undefined) fields.push(['Last-Modified', this.#lastModified]);
    if (this.#date !== undefined) fields.push(['Date', this.#date]);
    return fields;
  }

  /**
   * The header of a page whose content is stored already. It is the same version, so it keeps the validators that were made for it, whoever has
   * rendered it, and in however many pieces it was sent.
   */
  kept(headers: readonly HeaderField[], stored: readonly HeaderField[]): readonly HeaderField[] {
    const made = [...(this.#tag === undefined ? [] : ['etag']), ...(this.#hasOwnDate ? [] : ['last-modified'])];
    const isMade = ([name]: HeaderField) => made.includes(name.toLowerCase());
    return [...headers.filter((field) => !isMade(field)), ...stored.filter(isMade)];
  }

  /** An `ETag` of the application's own stands for the bytes that it sent. */
  recoded(headers: readonly HeaderField[]): readonly HeaderField[] {
    if (this.#tag !== undefined) return headers;
    return headers.map(([name, value]): HeaderField => [name, name.toLowerCase() === 'etag' ? weak(value) : value]);
  }

  /** A strong `ETag` stands for the same bytes (RFC 9110, section 8.8.3.3). */
  private isStoredAsSent(): boolean {
    if (this.response.hasHeader('content-encoding')) return false;
    return !this.compress || Number(this.response.getHeader('content-length')) < WORTH_COMPRESSING;
  }
}
