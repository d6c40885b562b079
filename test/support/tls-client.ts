import { once } from 'node:events';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';

export interface TlsAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Speaks HTTP/2 or HTTP/1.1 over TLS to a server on 127.0.0.1 that has its own idea of its names. */
export class TlsClient implements Disposable {
  readonly #sessions = new Map<string, ClientHttp2Session>();

  constructor(
    private readonly port: number,
    private readonly ca: string,
  ) {}

  async http2(host: string, path: string, fields: OutgoingHttpHeaders = {}, method = 'GET'): Promise<TlsAnswer> {
    const target = { ':method': method, ':authority': host, ':path': path };
    const stream = this.#session(host).request({ ...target, ...fields });
    const [[headers], body] = await Promise.all([once(stream, 'response'), buffer(stream)]);
    return { status: headers[':status'], headers, body };
  }

  async http1(host: string, path: string, fields: Record<string, string> = {}, method = 'GET'): Promise<TlsAnswer> {
    const { port, ca } = this;
    const server = { host: '127.0.0.1', port, ca, servername: host, agent: false };
    const sent = request({ ...server, method, path, headers: { host, ...fields } }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.destroy();
  }

  #session(host: string): ClientHttp2Session {
    const known = this.#sessions.get(host);
    if (known) return known;
    const session = connect(`https://127.0.0.1:${this.port}`, { ca: this.ca, servername: host });
    this.#sessions.set(host, session);
    return session;
  }
}
