import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A memcached of the tests' own. */
export abstract class FakeMemcached implements AsyncDisposable {
  /** So many have been made. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  protected constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.setEncoding('latin1').on('data', (command: string) => {
        this.asked(/^get (\S+)\r\n$/.exec(command)?.[1] ?? '', socket);
      });
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
  }

  protected async listen(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  /** @param key what `get` names; empty for other commands */
  protected abstract asked(key: string, socket: Socket): void;

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** A memcached that answers what it is told: nothing, half, or nonsense. */
export class RawMemcached extends FakeMemcached {
  /** `hang` keeps the connection open behind the bytes, else it is closed. */
  answer: (key: string) => { readonly bytes: Buffer | string; readonly hang?: boolean } = () => ({ bytes: 'END\r\n' });

  static start(): Promise<RawMemcached> {
    return new RawMemcached().listen();
  }

  protected override asked(key: string, socket: Socket): void {
    const { bytes, hang = false } = this.answer(key);
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (hang) socket.write(data);
    else socket.end(data);
  }
}

/** What memcached answers when it has the value; or the beginning of that. */
export function found(key: string, value: Buffer | string, length = Infinity): Buffer {
  const bytes = Buffer.from(value as string, 'latin1');
  const head = Buffer.from(`VALUE ${key} 0 ${bytes.length}\r\n`, 'latin1');
  return Buffer.concat([head, Buffer.concat([bytes, Buffer.from('\r\nEND\r\n')]).subarray(0, length)]);
}
