import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';

/** How long a site may take to answer, in milliseconds. */
const PATIENCE = 10_000;

/** A response as it was received. */
export interface Asked {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The content as it was sent. */
  readonly body: Buffer;
}

/** The head of an answer has come, but the content broke off, or did not come to its end in time. */
export class BrokenOffError extends Error {
  /** @param asked the answer, with the content that has come */
  constructor(
    readonly asked: Asked,
    cause: unknown,
  ) {
    super('the answer broke off before its end', { cause });
  }
}

/**
 * Sends a GET.
 *
 * @param target the target as it is sent, without any change
 * @param headers `Host` may be different from that of the site; without `Accept-Encoding`, nothing is packed
 * @throws {BrokenOffError} when the answer has no end
 */
export type Ask = (target: string, headers?: Readonly<Record<string, string>>) => Promise<Asked>;

/**
 * Asks one site. `fetch()` would change the target, and does not let the caller choose the `Host`.
 *
 * @param host the `Host` of the site, unless it follows from its address
 * @param agent who asks, for the log of nginx
 */
export function asking(url: URL, signal: AbortSignal, host?: string, agent?: string): Ask {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return async (target, headers = {}) => {
    const sent = send({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: target,
      headers: { host: host ?? url.host, ...(agent !== undefined && { 'user-agent': agent }), ...headers },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, headers: fields } = response;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw new BrokenOffError({ status, headers: fields, body: Buffer.concat(chunks) }, error);
    }
    return { status, headers: fields, body: Buffer.concat(chunks) };
  };
}

/** The value of a field. Repeated fields are joined. */
export function fieldOf({ headers }: Asked, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** The content with its coding undone. */
export function contentOf(asked: Asked): Buffer {
  return fieldOf(asked, 'content-encoding') === 'gzip' ? gunzipSync(asked.body) : asked.body;
}
