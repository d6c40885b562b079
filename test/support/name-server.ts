import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Header (12 bytes), then the name as labels with their lengths in front (RFC 1035, section 4.1). */
const HEADER = 12;
const A = 1;
const SRV = 33;
const NO_ERROR = 0x8180;
const NO_SUCH_NAME = 0x8183;

/** A name server on 127.0.0.1 that knows the names that it is told: all of them are 127.0.0.1, and some have services. */
export class NameServer implements Disposable {
  readonly names = new Set<string>();
  /** What the SRV records of a name say. */
  readonly services = new Map<string, readonly { readonly name: string; readonly port: number }[]>();

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
    const records = this.records(labels.join('.'), query.readUInt16BE(end + 1));
    const head = Buffer.from(query.subarray(0, HEADER));
    head.writeUInt16BE(records ? NO_ERROR : NO_SUCH_NAME, 2);
    for (const [index, count] of [1, records?.length ?? 0, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * index);
    return Buffer.concat([head, question, ...(records ?? [])]);
  }

  /** `undefined` when nobody knows the name. */
  private records(name: string, type: number): Buffer[] | undefined {
    const services = this.services.get(name);
    if (services) return type === SRV ? services.map((service) => record(SRV, serviceData(service))) : [];
    if (!this.names.has(name)) return undefined;
    return type === A ? [record(A, Buffer.from([127, 0, 0, 1]))] : [];
  }
}

/** The name of the question, class IN, valid for a second. */
function record(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0, HEADER, 0, type, 0, 1, 0, 0, 0, 1, 0, data.length]), data]);
}

/** Priority and weight 0 (RFC 2782). */
function serviceData({ name, port }: { readonly name: string; readonly port: number }): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([Buffer.from([0, 0, 0, 0, port >> 8, port & 0xff]), ...labels, Buffer.from([0])]);
}
