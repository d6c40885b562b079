import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A memcached that answers what it is told: nothing, half, or nonsense. */
export class RawMemcached implements AsyncDisposable {
  /** `hang` keeps the connection open behind the bytes, else it is closed. */
  answer: (key: string) => { readonly bytes: Buffer | string; readonly hang?: boolean } = () => ({ bytes: 'END\r\n' });
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.setEncoding('latin1').on('data', (command: string) => {
        const { bytes, hang = false } = this.answer(/^get (\S+)\r\n$/.exec(command)?.[1] ?? '');
        const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
        if (hang) socket.write(data);
        else socket.end(data);
      });
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<RawMemcached> {
    const memcached = new RawMemcached();
    await once(memcached.#server.listen(0, '127.0.0.1'), 'listening');
    return memcached;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** What memcached answers when it has the value; or the beginning of that. */
export function found(key: string, value: Buffer | string, length = Infinity): Buffer {
  const bytes = Buffer.from(value as string, 'latin1');
  const head = Buffer.from(`VALUE ${key} 0 ${bytes.length}\r\n`, 'latin1');
  return Buffer.concat([head, Buffer.concat([bytes, Buffer.from('\r\nEND\r\n')]).subarray(0, length)]);
}
