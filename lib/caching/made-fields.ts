import type { ServerResponse } from 'node:http';
import { currentAge } from '../http/current-age.js';
import { httpDate } from '../http/http-date.js';
import { headerOf, type HeaderField, valuesOf } from '../http/fields.js';
import { storedFields } from '../http/stored-fields.js';
import { contentTag, uniqueTag, weak } from '../http/validators.js';
import { WORTH_COMPRESSING } from '../http/codings.js';
import { replaceInHeader } from './made-header.js';

/**
 * The fields that a page gets besides the application's own: an `ETag` and a `Last-Modified` (RFC 9110, section 8.8), which are the same
 * when it is rendered and when it is served from the cache, and the `Date` from which its age is counted.
 *
 * Content that is sent in one piece has the same `ETag` in every rendering. Otherwise the header leaves before the content is known, and
 * each rendering has its own.
 */
export class MadeFields {
  #tag: string | undefined;
  #lastModified: string | undefined;
  #hasOwnDate = false;
  #date: string | undefined;
  #tagOfContent: (() => string) | undefined;

  /**
   * @param compress whether the page may be stored in a coding other than the one it is sent in
   * @param ages whether the page ages at clients: its `Cache-Control` is the application's own (`clientCacheControl` counts from each hit)
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly compress: boolean,
    private readonly ages: boolean,
  ) {}

  /**
   * Puts the validators into the header that is about to leave.
   *
   * @param lastModified when the version with a tag (if known) was last modified, but not after `latest`; in milliseconds since the epoch, as `now`
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
   * Keeps the date from being later than the `Date` of the response (RFC 9110, section 8.8.2.1).
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

  /** On a hit, `Date` tells how old the page is. On a miss, nginx sends a `Date` of its own, so the response needs an `Age`. */
  private count(age: number, now: number): void {
    this.#date = new Date(now - age).toUTCString();
    if (age >= 1000) this.response.setHeader('Age', Math.floor(age / 1000));
  }

  /**
   * Takes all of the content, before it is sent.
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

  /** The header to store, made from the one that was sent. */
  stored(headers: readonly HeaderField[]): HeaderField[] {
    const replaced = this.#lastModified === undefined ? ['date'] : ['date', 'last-modified'];
    const fields = storedFields(headers).filter(([name]) => !replaced.includes(name.toLowerCase()));
    if (this.#tag !== undefined) fields.push(['ETag', this.#tag]);
    if (this.#lastModified !== undefined) fields.push(['Last-Modified', this.#lastModified]);
    if (this.#date !== undefined) fields.push(['Date', this.#date]);
    return fields;
  }

  /**
   * The header of a page whose content is already stored. It is the same version, so it keeps the validators that were made for it, no matter
   * which process rendered it, and in how many pieces it was sent.
   */
  kept(headers: readonly HeaderField[], stored: readonly HeaderField[]): readonly HeaderField[] {
    const made = [...(this.#tag === undefined ? [] : ['etag']), ...(this.#hasOwnDate ? [] : ['last-modified'])];
    const isMade = ([name]: HeaderField) => made.includes(name.toLowerCase());
    return [...headers.filter((field) => !isMade(field)), ...stored.filter(isMade)];
  }

  /** Weakens an `ETag` of the application's own, which stands for the bytes that the application sent. */
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
