import { connect } from 'node:net';
import { SERVER_TIMEOUT } from './server-process.js';

/**
 * Sends one command to a memcached server and reads the whole answer
 * (https://github.com/memcached/memcached/blob/master/doc/protocol.txt).
 *
 * @param address '127.0.0.1:11211' or 'unix:/path'
 * @param command without the line end, one byte per character
 */
export function memcachedCommand(address: string, command: string): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const connection = host === 'unix' ? connect(port) : connect(Number(port), host);
    const answer = new Answer(/^lru_crawler m(?:eta|g)dump /.test(command));
    connection.setEncoding('latin1').write(`${command}\r\n`, 'latin1');
    connection.setTimeout(SERVER_TIMEOUT, () =>
      connection.destroy(new Error(`memcached at ${address} did not answer "${command}" in ${SERVER_TIMEOUT} ms`)),
    );
    connection.on('data', (text: string) => {
      if (!answer.add(text)) return;
      resolve(answer.text);
      connection.destroy();
    });
    connection.on('error', reject);
    connection.on('close', () => reject(new Error(`memcached at ${address} hung up after "${answer.text}"`)));
  });
}

/** Finds out when an answer is complete. */
class Answer {
  readonly #read: string[] = [];
  #unread = '';
  #valueLeft = 0;
  #endsWithValue = false;

  /** @param isDump whether `OK` only begins the answer: memcached 1.6.43 and later send it before they list keys (crawler.c) */
  constructor(private readonly isDump: boolean) {}

  get text(): string {
    return this.#read.join('');
  }

  /** Whether the answer is complete with this. */
  add(text: string): boolean {
    this.#unread += text;
    for (;;) {
      if (this.#valueLeft > 0) {
        this.#valueLeft -= this.#take(this.#valueLeft).length;
        if (this.#valueLeft > 0) return false;
        if (this.#endsWithValue) return true;
      }
      const lineEnd = this.#unread.indexOf('\n');
      if (lineEnd < 0) return false;
      const line = this.#take(lineEnd + 1);
      const [kind, size, , bytes] = line.trimEnd().split(' ');
      if (kind === 'VA') this.#expectValue(size, true);
      else if (kind === 'VALUE') this.#expectValue(bytes, false);
      else if (!this.#goesOnAfter(line)) return true;
    }
  }

  #goesOnAfter(line: string): boolean {
    return /^(?:STAT |ITEM |key=)/.test(line) || (this.isDump && /^(?:OK\r|mg )/.test(line));
  }

  #expectValue(bytes: string | undefined, last: boolean): void {
    this.#valueLeft = Number(bytes) + '\r\n'.length;
    this.#endsWithValue = last;
  }

  #take(length: number): string {
    const taken = this.#unread.slice(0, length);
    this.#unread = this.#unread.slice(length);
    this.#read.push(taken);
    return taken;
  }
}
