import type { IncomingMessage } from 'node:http';
import { frameworkBelow, type Reader } from './reader.js';

/** Fields in which a trusted proxy says how the site was reached. */
const FORWARDED = new Set(['x-forwarded-proto', 'x-forwarded-host']);

/** The part of an Express request that says which proxies are trusted. */
type OfExpress = IncomingMessage & { app?: { get?(setting: string): unknown } };

/**
 * `req.protocol` and `req.host` look at the peer's address to decide whether to trust what a proxy says. If they trust it, the page is made from
 * the proxy's fields, which count as inputs themselves. If they do not, another visitor would be another peer, so the address makes a difference.
 */
export class ProxyTrust {
  /** Who has asked for the address, and for which field. */
  #distrusted: { readonly reader: Reader; readonly field: string | undefined } | undefined;
  /** The field that Fastify has looked for last. */
  #sought: string | undefined;

  constructor(private readonly request: IncomingMessage) {}

  /**
   * Notes that a field has been read, if it is one of `FORWARDED`. With `trustProxy`, Fastify looks whether the field is there, then at the
   * address, and reads the field again if the peer is trusted.
   */
  read(name: string, by: (...args: never[]) => unknown): void {
    if (!FORWARDED.has(name) || frameworkBelow(by) !== 'fastify') return;
    if (name === this.#distrusted?.field) this.#distrusted = undefined;
    this.#sought = name;
  }

  /** Whether the address has been read only to decide about trust. For Fastify, this is known later. */
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
    // Without the setting, no peer is trusted, so it makes no difference which peer it is.
    return !app.get('trust proxy') || (typeof trusts === 'function' && (trusts as TrustProxy)(socket.remoteAddress, 0));
  }
}

type TrustProxy = (address: unknown, distance: number) => boolean;
