import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** A site that does not answer within this time, in milliseconds, does not answer. */
const PATIENCE = 10_000;

/** A response as it came. */
export interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it was sent. */
  readonly body: Buffer;
}

/**
 * Sends a GET.
 *
 * @param target as it stands in the request, without any change
 * @param headers `Host` may be another than that of the site; without `Accept-Encoding`, nothing is packed
 */
export type Ask = (target: string, headers?: Readonly<Record<string, string>>) => Promise<Asked>;

/**
 * Asks one site. `fetch()` would change the target, and lets nobody choose the `Host`.
 *
 * @param host what its `Host` is, unless that follows from its address
 */
export function asking(url: URL, signal: AbortSignal, host?: string): Ask {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return async (target, headers = {}) => {
    const sent = send({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: target,
      headers: { host: host ?? url.host, ...headers },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  };
}

/** Fields that were repeated are joined. */
export function fieldOf({ headers }: Asked, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** The content without its coding. */
export function contentOf(asked: Asked): Buffer {
  return fieldOf(asked, 'content-encoding') === 'gzip' ? gunzipSync(asked.body) : asked.body;
}
