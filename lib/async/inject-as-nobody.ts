import { inject, type InjectOptions, type Response } from 'light-my-request';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { asNobody } from './as-nobody.js';

/** A GET that an application sends to itself. */
export interface InjectedRequest extends Pick<InjectOptions, 'url' | 'headers' | 'remoteAddress' | 'signal'> {
  /** Whether its socket is a TLS socket. */
  readonly isEncrypted: boolean;
  /** Gets the request before the application sees it. */
  readonly onRequest?: ((request: IncomingMessage) => void) | undefined;
}

/**
 * Sends a request through an application itself, outside of the caller's async context.
 *
 * @returns the answer as soon as its header is there; its content is a stream
 */
export function injectAsNobody(
  server: Server,
  { isEncrypted, onRequest, ...options }: InjectedRequest,
): Promise<Response> {
  const dispatch: Parameters<typeof inject>[0] = (injected, response) => {
    const request = injected as unknown as IncomingMessage;
    onRequest?.(request);
    // express-session and morgan read `connection`. light-my-request warns of that, but Node itself does not.
    Object.defineProperty(request, 'connection', { get: socketOf, configurable: true });
    // On a unix socket, there is none. light-my-request makes it 127.0.0.1, which applications may trust.
    if (options.remoteAddress === undefined) Object.assign(request.socket, { remoteAddress: undefined });
    if (isEncrypted) Object.assign(request.socket, { encrypted: true });
    server.emit('request', request, response as unknown as ServerResponse);
  };
  // The request begins when somebody waits for it, so `then()` must be called as nobody, too.
  return asNobody(() =>
    inject(dispatch, { ...options, method: 'GET', payloadAsStream: true }).then((answer) => answer),
  );
}

function socketOf(this: IncomingMessage): IncomingMessage['socket'] {
  return this.socket;
}
