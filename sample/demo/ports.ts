import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** @returns `wanted` when nobody listens on it, else any free port */
export async function freePort(wanted = 0): Promise<number> {
  const probe = createServer().listen(wanted, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return freePort();
  }
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
