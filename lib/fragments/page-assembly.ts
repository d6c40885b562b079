import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { type HeaderField, headerOf, valuesOf } from '../http/fields.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { SHARED_FRAGMENT_PATH } from '../page/fragment-paths.js';
import type { Page } from '../page/page.js';
import { namedNonces, useNonce, withoutNonce } from '../page/page-nonce.js';
import { isKeyTooLong, type PageAddress, PageKeys } from '../page/page-key.js';
import { ReceivedRequests } from '../page/received-request.js';
import { parseAddress, sharedAddress } from './fragment-address.js';
import { hasMarkers, markedPieces } from './fragment-marker.js';
import { FragmentRequests } from './fragment-requests.js';
import { FragmentRoutes } from './fragment-routes.js';
import { visitOf } from './fragment-visits.js';
import { isHtml } from './is-html.js';
import { type FragmentPlace, isPlace, type MarkedPieces, type PagePieces } from './page-pieces.js';
import { toSsi, withoutNonces } from './ssi-form.js';

/** A browser may keep what is made for one visitor, but must ask for it anew each time. */
const ASSEMBLED_CACHE_CONTROL = 'private, no-cache';

/** Fields that stand for the bytes of a page without its fragments, or say how long it may be kept, or how old it is. */
// prettier-ignore
const OF_STORED: ReadonlySet<string> = new Set([
  'accept-ranges', 'age', 'cache-control', 'content-digest', 'content-length', 'content-md5', 'date', 'digest', 'edge-control', 'etag', 'expires',
  'last-modified', 'repr-digest', 'surrogate-control', 'x-accel-expires',
]);

/** A CDN may have a field of its own, which takes precedence over `Cache-Control` (RFC 9213, section 2.2). */
const TARGETED = '-cache-control';

/** Whether a field, by its name in lower case, is not sent with a page whose fragments are filled in. */
export function isOfStored(name: string): boolean {
  return OF_STORED.has(name) || name.endsWith(TARGETED);
}

/** @param said the `Cache-Control` of the application */
export function assembledCacheControl(said: string): string {
  return /\bno-store\b/i.test(said) ? 'private, no-store' : ASSEMBLED_CACHE_CONTROL;
}

/** The header of a stored page whose fragments are filled in. */
export function assembledFields(stored: readonly HeaderField[]): HeaderField[] {
  const left = stored.filter(([name]) => !isOfStored(name.toLowerCase()));
  const said = valuesOf(stored, 'cache-control').join();
  return [...left, ['Cache-Control', assembledCacheControl(said)]];
}

/** Fills in the fragments of a page for one visitor, as nginx does with its SSI filter. */
@Injectable()
export class PageAssembly {
  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(ReceivedRequests) private readonly received: ReceivedRequests,
    @Inject(FragmentRequests) private readonly requests: FragmentRequests,
    @Inject(FragmentRoutes) private readonly routes: FragmentRoutes,
    @Inject(PageKeys) private readonly keys: PageKeys,
  ) {}

  /** Whether nginx reads the requested page, if there is one, with its SSI filter. */
  isDeclared(request: IncomingMessage): boolean {
    const visit = visitOf(request);
    if (visit) return visit.isShared;
    if (!this.options.fragments.isUsed) return false;
    const { address, rule } = this.received.of(request);
    return rule === undefined && this.options.fragments.has(address.path);
  }

  /**
   * A page as it is stored.
   *
   * @param page the page as its handler has written it, with its content coding undone
   * @param address the address of the page
   * @returns why it is not stored, when its path is not one of pages with fragments, or when nginx could not fill them in
   */
  stored(
    page: Page,
    address: PageAddress,
    isDeclared: boolean,
  ): Page | 'fragment' | 'fragment-type' | `status-${number}` | 'size' {
    if (!isDeclared) return hasMarkers(page.body) ? 'fragment' : page;
    if (!isHtml(headerOf(page, 'content-type'))) return 'fragment-type';
    // Only the body of a fragment may be stored, and an error page is no fragment.
    if (page.status !== 200 && address.path.startsWith(SHARED_FRAGMENT_PATH)) return `status-${page.status}`;
    const pieces = withoutNonces(markedPieces(page.body), namedNonces(page.headers));
    const body = toSsi(pieces.map((piece) => this.placed(piece, address)));
    if (body.length > this.options.maxPageBytes) return 'size';
    return { ...page, headers: assembledFields(page.headers).map(withoutNonce), body };
  }

  /**
   * Fills in the fragments of a response.
   *
   * @param pieces the response as its handler has written it
   * @param policies the policy fields of the response
   */
  assembleNew(pieces: MarkedPieces, policies: readonly HeaderField[], visitor: IncomingMessage): Promise<Buffer> {
    useNonce(visitor, namedNonces(policies)[0]);
    return this.assemble(pieces, visitor);
  }

  /** @param visitor the request for the page; a request for its header only gets no content, and no fragment is made for it */
  async assemble(pieces: PagePieces, visitor: IncomingMessage): Promise<Buffer> {
    if (visitor.method === 'HEAD') return Buffer.alloc(0);
    const page = visitOf(visitor)?.page ?? this.received.of(visitor).head.target;
    return this.requests.fill(pieces, visitor, page);
  }

  /** nginx looks in the store for fragments that are the same for everybody, if they can be there. */
  private placed(piece: PagePieces[number], around: PageAddress): PagePieces[number] {
    if (this.options.flavour === undefined) return piece;
    const fragment = isPlace(piece) ? parseAddress(piece.address) : undefined;
    if (!fragment || !this.routes.of(fragment.name)?.isShared) return piece;
    const { path, key } = this.keys.ofFragment(sharedAddress(fragment), around);
    return isKeyTooLong(key) ? piece : { ...(piece as FragmentPlace), stored: path };
  }
}
