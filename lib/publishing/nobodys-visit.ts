/** An address for documentation (RFC 5737). No machine has it, so it is on no list of trusted ones. */
const ADDRESS = '192.0.2.1';

/** A host that does not exist (RFC 6761). A page that shows it was made from its `Host` field, and is not stored. */
const NO_HOST = 'page-cache.invalid';

/** How a request arrives from a visitor of whom nothing is known. */
export interface Visit {
  readonly headers: Readonly<Record<string, string>>;
  /** The address that it comes from. */
  readonly address: string;
  /** Whether its socket is a TLS socket: if no proxy is trusted, frameworks take the scheme from there. */
  readonly encrypted: boolean;
}

/**
 * A request to the site as visitors know it, through any proxies in front of the application.
 *
 * @param origin of the site, if it is known
 * @param host of the page, if it is in its key
 */
export function nobodysVisit(origin: string | undefined, host: string | undefined): Visit {
  const site = new URL(origin ?? `https://${host ?? NO_HOST}`);
  // Of several hosts, only one can be that of `origin`, with its port.
  const authority = host === undefined || host === site.hostname ? site.host : host;
  const scheme = site.protocol.replace(':', '');
  return {
    headers: {
      host: authority,
      'x-forwarded-host': authority,
      'x-forwarded-proto': scheme,
      'x-forwarded-for': ADDRESS,
      'x-real-ip': ADDRESS,
    },
    address: ADDRESS,
    encrypted: scheme === 'https',
  };
}
