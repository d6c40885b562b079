import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mongoose from 'mongoose';

const { deserialize, serialize } = mongoose.mongo.BSON;

type Document = Record<string, unknown>;
type Command = Document & { documents?: Document[]; updates?: Update[]; deletes?: Delete[] };
interface Update {
  q: Document;
  u: { $set: Document };
  multi?: boolean;
}
interface Delete {
  q: Document;
  limit: number;
}

const OP_MSG = 2013;

/** A router of a sharded cluster: the kind of server that the driver lets begin transactions with the least ado. */
const HELLO = {
  isWritablePrimary: true,
  msg: 'isdbgrid',
  minWireVersion: 0,
  maxWireVersion: 21,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  logicalSessionTimeoutMinutes: 30,
};

/**
 * What the driver for MongoDB can connect to where there is no MongoDB: one collection, queries for equality, updates by
 * `$set`, one transaction at a time, which nobody else sees before its commit. It says no to any other command.
 *
 * @see https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg
 */
export class MongoStandIn {
  #documents: Document[] = [];
  /** What everybody else sees during a transaction. */
  #committed: Document[] | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy()));
    let received = Buffer.alloc(0);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0));
        received = received.subarray(message.length);
        socket.write(replyTo(message, this.#run(commandIn(message))));
      }
    });
  });

  static async start(): Promise<MongoStandIn> {
    const server = new MongoStandIn();
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  get url(): string {
    return `mongodb://127.0.0.1:${(this.#server.address() as AddressInfo).port}/blog`;
  }

  get isInTransaction(): boolean {
    return this.#committed !== undefined;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }

  #run(command: Command): Document {
    if (command['startTransaction']) this.#committed = [...this.#documents];
    const [name = ''] = Object.keys(command);
    switch (name) {
      case 'hello':
        return HELLO;
      case 'ping':
      case 'endSessions':
        return {};
      case 'insert':
        this.#documents.push(...(command.documents ?? []));
        return { n: command.documents?.length };
      case 'find':
        return { cursor: { id: 0n, ns: 'blog.posts', firstBatch: this.#find(command) } };
      case 'update':
        return { n: sum(command.updates, (update) => this.#update(update)) };
      case 'delete':
        return { n: sum(command.deletes, (each) => this.#delete(each)) };
      case 'findAndModify': {
        const [value = null] = this.#find({ ...command, filter: command['query'] });
        this.#update({ q: command['query'] as Document, u: command['update'] as Update['u'] });
        return { value };
      }
      case 'commitTransaction':
        this.#committed = undefined;
        return {};
      case 'abortTransaction':
        this.#documents = this.#committed ?? this.#documents;
        this.#committed = undefined;
        return {};
      default:
        return { ok: 0, code: 59, errmsg: `no such command: '${name}'` };
    }
  }

  #find({ filter = {}, autocommit }: Command): Document[] {
    const visible = autocommit === false ? this.#documents : (this.#committed ?? this.#documents);
    return visible.filter(matching(filter as Document));
  }

  #update({ q, u, multi = false }: Update): number {
    const found = this.#documents.filter(matching(q)).slice(0, multi ? undefined : 1);
    this.#documents = this.#documents.map((each) => (found.includes(each) ? { ...each, ...u.$set } : each));
    return found.length;
  }

  #delete({ q, limit }: Delete): number {
    const found = this.#documents.filter(matching(q)).slice(0, limit || undefined);
    this.#documents = this.#documents.filter((each) => !found.includes(each));
    return found.length;
  }
}

const matching = (query: Document) => (document: Document) =>
  Object.entries(query).every(([name, value]) => String(document[name]) === String(value));

const sum = <T>(list: T[] = [], each: (item: T) => number) => list.reduce((total, item) => total + each(item), 0);

function commandIn(message: Buffer): Command {
  if (message.readInt32LE(12) !== OP_MSG) throw new Error('Not OP_MSG: connect with `serverApi`.');
  const command: Command = {};
  const documentAt = (offset: number): Document =>
    deserialize(message.subarray(offset, offset + message.readInt32LE(offset)));
  for (let at = 20; at < message.length;) {
    const kind = message[at++];
    const end = at + message.readInt32LE(at);
    if (kind === 0) {
      Object.assign(command, documentAt(at));
    } else {
      // A sequence: its size, the name of the field, the documents.
      const nameEnd = message.indexOf(0, at + 4);
      const sequence: Document[] = [];
      for (let next = nameEnd + 1; next < end; next += message.readInt32LE(next)) sequence.push(documentAt(next));
      command[message.toString('utf8', at + 4, nameEnd)] = sequence;
    }
    at = end;
  }
  return command;
}

function replyTo(message: Buffer, reply: Document): Buffer {
  const body = serialize({ ok: 1, ...reply });
  const head = Buffer.alloc(21);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(message.readInt32LE(4), 8);
  head.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([head, body]);
}
