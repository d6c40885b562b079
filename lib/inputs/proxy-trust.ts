import type { IncomingMessage } from 'node:http';
import { frameworkBelow, type Reader } from './reader.js';

/** What a proxy that is trusted says about how the site was reached. */
const FORWARDED = new Set(['x-forwarded-proto', 'x-forwarded-host']);

/** The part of an Express request that says which proxies are trusted. */
type OfExpress = IncomingMessage & { app?: { get?(setting: string): unknown } };

/**
 * `req.protocol` and `req.host` look at the peer's address to decide whether what a proxy says counts. If it does, the page is made from
 * that, and it counts as an input by itself. If it does not, the peer would be another visitor: then the address makes a difference.
 */
export class ProxyTrust {
  /** Who has asked, and for which field. */
  #distrusted: { readonly reader: Reader; readonly field: string | undefined } | undefined;
  /** What Fastify has looked for last. */
  #sought: string | undefined;

  constructor(private readonly request: IncomingMessage) {}

  /**
   * Notes that a field has been read, which may be one of those. With `trustProxy`, Fastify looks whether it is there, then at the
   * address, and reads it again if the peer is trusted.
   */
  read(name: string, by: (...args: never[]) => unknown): void {
    if (!FORWARDED.has(name) || frameworkBelow(by) !== 'fastify') return;
    if (name === this.#distrusted?.field) this.#distrusted = undefined;
    this.#sought = name;
  }

  /** Whether the address has been read for nothing else; of Fastify, that is known later. */
  isAsked(reader: Reader): boolean {
    if (reader.framework === 'fastify') {
      this.#distrusted = { reader, field: this.#sought };
      return true;
    }
    return reader.framework === 'express' && this.isTrustedByExpress();
  }

  /** Who has read the address of a peer that is not known to be trusted. */
  get distrusted(): Reader | undefined {
    return this.#distrusted?.reader;
  }

  private isTrustedByExpress(): boolean {
    const { app, socket } = this.request as OfExpress;
    if (typeof app?.get !== 'function') return false;
    const trusts = app.get('trust proxy fn');
    // Without the setting, nobody is trusted: it makes no difference who it is.
    return !app.get('trust proxy') || (typeof trusts === 'function' && (trusts as TrustProxy)(socket.remoteAddress, 0));
  }
}

type TrustProxy = (address: unknown, distance: number) => boolean;
