import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** An application of a few bytes: remembers what arrives, byte for byte, and answers what it is told. */
export class RawBackend {
  readonly received: string[] = [];
  answer: (request: string) => string = () => ok('app');
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      let bytes = '';
      socket.setEncoding('latin1').on('data', (data: string) => {
        bytes += data;
        const end = bytes.indexOf('\r\n\r\n');
        const length = Number(/^content-length: (\d+)/im.exec(bytes)?.[1] ?? 0);
        if (end < 0 || bytes.length < end + 4 + length) return;
        this.received.push(bytes);
        const answer = this.answer(bytes);
        if (answer === '') socket.destroy();
        else socket.write(answer, 'latin1');
        bytes = '';
      });
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(path?: string): Promise<RawBackend> {
    const backend = new RawBackend();
    await once(path === undefined ? backend.#server.listen(0, '127.0.0.1') : backend.#server.listen(path), 'listening');
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The request that has arrived last. */
  get last(): string {
    return this.received.at(-1) ?? '';
  }

  field(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, 'im').exec(this.last)?.[1];
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

export function ok(body: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
