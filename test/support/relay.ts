import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** One waits to be accepted, and the kernel takes another one. */
const BACKLOG = 1;

/** More than the kernel takes while nobody accepts. */
const FILLERS = 3;

/**
 * The network in front of a server. When it is cut, nothing gets through and nobody is told: whoever is connected waits for an answer, and
 * whoever wants to connect waits for that. What was connected before stays lost when the network comes back.
 */
export class Relay implements AsyncDisposable {
  readonly #isCut: Int32Array;
  #fillers: Socket[] = [];

  private constructor(
    readonly address: string,
    private readonly port: number,
    private readonly thread: Worker,
    isCut: Int32Array,
  ) {
    this.#isCut = isCut;
  }

  /** @param address of a server on this machine, with a port */
  static async to(address: string): Promise<Relay> {
    const isCut = new Int32Array(new SharedArrayBuffer(4));
    const target = Number(address.split(':').at(-1));
    const thread = new Worker(THREAD, { eval: true, workerData: { target, isCut, backlog: BACKLOG } });
    thread.unref();
    const [port] = (await once(thread, 'message')) as [number];
    return new Relay(`127.0.0.1:${port}`, port, thread, isCut);
  }

  async cut(): Promise<void> {
    Atomics.store(this.#isCut, 0, 1);
    this.thread.postMessage('cut');
    await once(this.thread, 'message');
    // From now on nobody accepts: as soon as the kernel has no more room for connections, it drops the packets that ask for one.
    this.#fillers = Array.from({ length: FILLERS }, () =>
      connect(this.port, '127.0.0.1')
        .on('error', () => {})
        .unref(),
    );
  }

  async heal(): Promise<void> {
    Atomics.store(this.#isCut, 0, 0);
    Atomics.notify(this.#isCut, 0);
    await once(this.thread, 'message');
    for (const filler of this.#fillers) filler.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await this.thread.terminate();
  }
}

/** A thread of its own, which sleeps while the network is cut. */
const THREAD = `
const { createServer, connect } = require('node:net');
const { parentPort, workerData: { target, isCut, backlog } } = require('node:worker_threads');
const pairs = new Set();
let server;
const listen = (port, backlog) => new Promise((resolve) => {
  server?.close();
  server = createServer(relay).listen({ host: '127.0.0.1', port, backlog }, () => resolve(server.address().port));
});
function relay(visitor) {
  const pair = [visitor, connect({ host: '127.0.0.1', port: target, noDelay: true })];
  visitor.setNoDelay();
  pairs.add(pair);
  const end = () => {
    pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  };
  for (const socket of pair) socket.on('error', end).on('close', end);
  pair[0].pipe(pair[1]).pipe(pair[0]);
}
listen(0).then((port) => {
  parentPort.postMessage(port);
  parentPort.on('message', async () => {
    for (const [one, other] of pairs) {
      one.unpipe(other).resume();
      other.unpipe(one).resume();
    }
    pairs.clear();
    await listen(port, backlog);
    parentPort.postMessage('cut');
    Atomics.wait(isCut, 0, 1);
    await listen(port);
    parentPort.postMessage('healed');
  });
});
`;
