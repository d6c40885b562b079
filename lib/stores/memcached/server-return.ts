import type { Socket } from 'node:net';
import { authentication, type MemcachedAccess, NOOP, openSocket } from './memcached-access.js';

/** The time between two attempts, in milliseconds. Up to half of it is left out at random, so that many processes do not come back at once. */
const INTERVAL = 250;

/** The answer to `mn`. */
const ALIVE = 'MN\r\n';

interface ServerReturnOptions extends MemcachedAccess {
  /** How long an attempt waits for the server, in milliseconds. */
  readonly patience: number;
  /** Whether to make the first attempt at once: a server that was silent once may not be dead. */
  readonly isEager: boolean;
}

/**
 * Asks a server again and again until it answers. (A connection is no answer: the kernel accepts connections for a stopped process, too.)
 *
 * No attempt waits for an earlier one. When the network comes back, an earlier attempt goes on only when the kernel sends its packet again, which
 * may be a second later. A new attempt gets its answer at once. docs/invalidation.md relies on `INTERVAL`.
 *
 * @returns a function that stops asking
 */
export function untilReturned(server: string, options: ServerReturnOptions, returned: () => void): () => void {
  const secret = authentication(options);
  const expected = secret === undefined ? ALIVE : `STORED\r\n${ALIVE}`;
  const sockets = new Set<Socket>();
  let timer: NodeJS.Timeout;

  const end = () => {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  };
  const schedule = (wait: number) => {
    timer = setTimeout(attempt, wait).unref();
  };
  const attempt = () => {
    schedule(INTERVAL * (0.5 + Math.random() / 2));
    const socket = openSocket(server, options).unref();
    sockets.add(socket);
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (!expected.startsWith(answer)) return socket.destroy();
      if (answer !== expected) return;
      end();
      returned();
    });
    socket.setTimeout(options.patience, () => socket.destroy());
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.write((secret ?? '') + NOOP, 'latin1');
  };

  schedule(options.isEager ? 0 : INTERVAL);
  return end;
}
