import type { IncomingMessage } from 'node:http';
import { isToken } from '../purging/token.js';

/** Why a request gets no answer. */
export interface Refusal {
  readonly status: 401 | 403 | 405 | 421;
  readonly error: string;
}

/** Decides which requests the dashboard answers. */
export class Gatekeeper {
  /**
   * @param token the secret that each request to the API must have
   * @param hosts the hosts by which it may be called; `undefined` when the application decides about its hosts
   */
  constructor(
    private readonly token: string,
    private readonly hosts?: ReadonlySet<string>,
  ) {}

  /**
   * Refuses other names that lead here: they belong to somebody who wants to read with our visitor's browser.
   *
   * @see https://en.wikipedia.org/wiki/DNS_rebinding
   */
  misdirected({ headers }: IncomingMessage): Refusal | undefined {
    if (!this.hosts || this.hosts.has(headers.host ?? '')) return undefined;
    return { status: 421, error: `The dashboard is called ${[...this.hosts].join(' or ')}, and nothing else.` };
  }

  /**
   * The token is in a field that no browser adds by itself, so a foreign site can send nothing in our visitor's name. Refusing such a site by
   * its `Origin` as well costs nothing.
   *
   * @param allowed the method of the resource
   */
  refusal({ method, headers }: IncomingMessage, allowed: 'GET' | 'POST'): Refusal | undefined {
    if (method !== allowed) return { status: 405, error: `Use ${allowed}.` };
    if (isForeign(headers)) return { status: 403, error: 'The request comes from another site.' };
    const [, given] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    return isToken(given, this.token) ? undefined : { status: 401, error: 'The token is missing or wrong.' };
  }
}

/** @see https://www.w3.org/TR/fetch-metadata/ */
function isForeign({ origin, host, 'sec-fetch-site': site }: IncomingMessage['headers']): boolean {
  if (site !== undefined) return site !== 'same-origin';
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}
