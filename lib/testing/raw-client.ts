import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { readResponse } from './raw-response.js';
import type { RawResponse } from './raw-response.js';
import { SERVER_TIMEOUT } from './server-process.js';

/**
 * Sends requests byte for byte, one after the other on one connection. HTTP libraries would normalize them. It connects again if the server
 * has closed the connection.
 *
 * @example
 * await using client = new RawClient(nginx.port);
 * const { status, body } = await client.send('GET //a%2Fb;c HTTP/1.1\r\nHost: example.com\r\n\r\n');
 *
 * @publicApi
 */
export class RawClient {
  #socket: Socket | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param target a TCP port of 127.0.0.1, or the path of a unix socket */
  constructor(private readonly target: number | string) {}

  /**
   * Waits for earlier requests, and then sends this one.
   *
   * @param request one whole request; a string is sent as latin1
   * @returns the final response; interim responses (1xx) are left out
   * @throws Error when the server cannot be reached, hangs up, does not answer with HTTP/1, or takes longer than 10 seconds
   */
  send(request: Buffer | string): Promise<RawResponse> {
    const bytes = typeof request === 'string' ? Buffer.from(request, 'latin1') : request;
    const response = this.#last.then(() => this.#exchange(bytes));
    this.#last = response.catch(() => {});
    return response;
  }

  /** Closes the connection. */
  close(): void {
    this.#socket?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #exchange(request: Buffer): Promise<RawResponse> {
    const socket = this.#connection();
    const toHead = request.toString('latin1', 0, 5) === 'HEAD ';
    let received = Buffer.alloc(0);
    socket.write(request);
    try {
      for (;;) {
        const data = await nextData(socket);
        if (data) received = Buffer.concat([received, data]);
        const result = readResponse(received, { toHead, closed: !data });
        if (result) {
          // Anything that comes before the next request is not an answer to it, so it is thrown away.
          if (result.reusable) socket.resume();
          else socket.destroy();
          return result.response;
        }
        if (!data) throw new Error(`hung up after ${received.length} bytes: ${received.toString('latin1', 0, 500)}`);
      }
    } catch (error) {
      socket.destroy();
      throw new Error(`${this.target}: ${(error as Error).message}`, { cause: error });
    }
  }

  #connection(): Socket {
    if (this.#socket && !this.#socket.destroyed && !this.#socket.readableEnded) return this.#socket;
    this.#socket = typeof this.target === 'number' ? connect(this.target, '127.0.0.1') : connect(this.target);
    // Between two requests, nobody else listens, and an error without a listener would end the process.
    return this.#socket.setNoDelay().on('error', () => {});
  }
}

/** @returns undefined when the server has closed the connection */
function nextData(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      socket.off('data', onData).off('end', onEnd).off('error', onError).off('timeout', onTimeout).pause();
      done();
    };
    const onData = (data: Buffer): void => settle(() => resolve(data));
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    const onTimeout = (): void => settle(() => reject(new Error(`no answer within ${SERVER_TIMEOUT} ms`)));
    socket.on('data', onData).on('end', onEnd).on('error', onError).on('timeout', onTimeout);
    socket.setTimeout(SERVER_TIMEOUT).resume();
  });
}
