import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Header (12 bytes), then the name as labels with their lengths in front (RFC 1035, section 4.1). */
const HEADER = 12;
const A = 1;
const NO_ERROR = 0x8180;
const NO_SUCH_NAME = 0x8183;

/** A name server on 127.0.0.1 that knows the names that it is told: all of them are 127.0.0.1. */
export class NameServer implements Disposable {
  readonly names = new Set<string>();

  private constructor(private readonly socket: Socket) {
    socket.on('message', (query, { port, address }) => socket.send(this.answer(query), port, address));
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let end = HEADER;
    for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
      labels.push(query.toString('latin1', end + 1, end + 1 + length));
      end += 1 + length;
    }
    const question = query.subarray(HEADER, end + 1 + 4);
    const isKnown = this.names.has(labels.join('.'));
    const isFound = isKnown && query.readUInt16BE(end + 1) === A;
    const head = Buffer.from(query.subarray(0, HEADER));
    head.writeUInt16BE(isKnown ? NO_ERROR : NO_SUCH_NAME, 2);
    for (const [index, count] of [1, isFound ? 1 : 0, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * index);
    // The name of the question, class IN, valid for a second.
    const record = Buffer.from([0xc0, HEADER, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    return Buffer.concat([head, question, ...(isFound ? [record] : [])]);
  }
}
