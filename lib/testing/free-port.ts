import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * Finds a TCP port of 127.0.0.1 on which nobody is listening. Another program may take it before you do.
 *
 * @returns the port
 * @example
 * await app.listen(await freePort(), '127.0.0.1');
 *
 * @publicApi
 */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Runs `attempt` with a free port, and again with another one if somebody else has taken the port first. */
export async function onFreePort<T>(attempt: (port: number) => Promise<T>): Promise<T> {
  for (let attemptsLeft = 3; ; attemptsLeft--) {
    try {
      return await attempt(await freePort());
    } catch (error) {
      if (attemptsLeft === 0 || !/Address already in use/i.test(String(error))) throw error;
    }
  }
}
