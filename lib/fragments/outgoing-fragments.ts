import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { areMarkersUsed, hasMarkers, withoutMarkers } from './fragment-marker.js';
import { FragmentRoutes } from './fragment-routes.js';
import { HeldPage } from './held-page.js';
import { isHtml } from './is-html.js';
import type { Outlet } from './outlet.js';
import { PageAssembly } from './page-assembly.js';

const HELD = Symbol('nestjs-nginx-cache: held page');
const KIND = Symbol('nestjs-nginx-cache: kind of page');
const WRAPPED = Symbol('nestjs-nginx-cache: fragments are filled in');

type Outgoing = ServerResponse & {
  [HELD]?: HeldPage;
  /** `assembled`: it is stored with its fragments, even if it has none. `marked`: only this module reads it. */
  [KIND]?: 'assembled' | 'marked';
  [WRAPPED]?: boolean;
};

/** Sends a page as one that is made for each visitor, whether or not it has fragments: nginx treats them alike, too. */
export function sendAssembled(response: ServerResponse): void {
  (response as Outgoing)[KIND] = 'assembled';
}

/** Leaves the markers in a page that is only rendered in order to be stored. */
export function leaveMarkers(response: ServerResponse): void {
  (response as Outgoing)[KIND] = 'marked';
}

/**
 * Fills fragments in as a page leaves Node, below everything that writes it: compression and the recorder of pages see markers, but no
 * reader does. The header of an HTML page waits for the end of the page, since it depends on whether the page has fragments.
 */
@Injectable()
export class OutgoingFragments {
  readonly #outlets = new WeakMap<object, Outlet>();

  constructor(
    @Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions,
    @Inject(FragmentRoutes) private readonly routes: FragmentRoutes,
    @Inject(PageAssembly) private readonly assembly: PageAssembly,
  ) {}

  /** The methods to write a response with in place of its own. In an application without fragments, they are its own. */
  outlet(response: ServerResponse): Outlet {
    const own = Object.getPrototypeOf(response) as Outlet;
    if (!this.isUsed) return own;
    let outlet = this.#outlets.get(own);
    if (!outlet) this.#outlets.set(own, (outlet = this.around(own)));
    return outlet;
  }

  /** For a response that something has been wrapped around already: fills fragments in before that sees them. */
  wrap(response: ServerResponse): void {
    if (!this.isUsed || (response as Outgoing)[WRAPPED]) return;
    const { writeHead, write, flushHeaders, end } = response;
    const own = { writeHead, write, flushHeaders, end } as Outlet;
    Object.assign(response, this.around(own), { [WRAPPED]: true });
  }

  private get isUsed(): boolean {
    return this.routes.size > 0 || areMarkersUsed() || this.options.fragments.isUsed;
  }

  private around(own: Outlet): Outlet {
    const { assembly, options } = this;
    const begin = (response: Outgoing, content?: unknown) => {
      if (response.headersSent) return;
      if (!response.hasHeader('content-type') && isMarked(content)) response.setHeader('Content-Type', 'text/html');
      // This goes through everything that is wrapped around the response.
      if (isHeld(response, response.statusCode)) response.writeHead(response.statusCode);
    };
    return {
      writeHead(this: Outgoing, status, ...rest) {
        if (this[HELD]) throw Object.assign(new Error('The header has been sent.'), { code: 'ERR_HTTP_HEADERS_SENT' });
        const [reason, fields] = typeof rest[0] === 'string' ? rest : [undefined, rest[0] ?? rest[1]];
        if (!isHeld(this, Number(status), fields)) return own.writeHead.call(this, status, ...rest);
        for (const [name, value] of Object.entries((fields ?? {}) as OutgoingHttpHeaders)) {
          this.setHeader(name, value as OutgoingHttpHeader);
        }
        this.statusCode = Number(status);
        if (typeof reason === 'string') this.statusMessage = reason;
        this[HELD] = new HeldPage(this, own, assembly, options.maxPageBytes, this[KIND] === 'assembled');
        return this;
      },
      write(this: Outgoing, ...args) {
        begin(this);
        return this[HELD] ? this[HELD].write(args) : own.write.apply(this, blanked(this, args));
      },
      flushHeaders(this: Outgoing) {
        begin(this);
        return this[HELD] ? this[HELD].flushHeaders() : own.flushHeaders.call(this);
      },
      end(this: Outgoing, ...args) {
        const isAll = !this.headersSent;
        begin(this, args[0]);
        if (!this[HELD]) return own.end.apply(this, blanked(this, args));
        this[HELD].end(args, isAll);
        return this;
      },
    };
  }
}

function isHeld(response: Outgoing, status: number, fields: unknown = {}): boolean {
  if (response[KIND] === 'marked' || status < 200 || status === 204 || status === 304) return false;
  const said = Object.entries(fields as OutgoingHttpHeaders).find(([name]) => name.toLowerCase() === 'content-type');
  return isHtml(said ? said[1] : response.getHeader('content-type'));
}

/** Content that is not HTML has no fragments. But no reader must see the marker. */
function blanked(response: Outgoing, [chunk, ...rest]: unknown[]): unknown[] {
  return response[KIND] !== 'marked' && isMarked(chunk) ? [withoutMarkers(chunk), ...rest] : [chunk, ...rest];
}

function isMarked(content: unknown): content is string | Uint8Array {
  return (typeof content === 'string' || content instanceof Uint8Array) && hasMarkers(content);
}
