import { once } from 'node:events';
import { createConnection } from 'node:net';
import { type Check, failed, ok } from '../check.js';

/** How long to wait for an answer, in milliseconds: a host that drops packets never answers. */
const PATIENCE = 1000;

/** Only nginx should reach the application: the application believes what nginx says about the visitor. */
export const pastNginxCheck: Check = {
  name: 'past nginx',
  async run({ deployment, outside }) {
    const ports = [deployment.app ?? []].flat().flatMap((address) => /:(\d+)$/.exec(address)?.[1] ?? []);
    const all = ports.flatMap((port) => outside.map((host) => ({ host, port: Number(port) })));
    if (all.length === 0) return [];
    const reached = await Promise.all(all.map(async (one) => ((await answers(one)) ? [one] : [])));
    const open = reached.flat().map(({ host, port }) => `${host}:${port}`);
    return [
      open.length === 0
        ? ok('the application cannot be reached past nginx')
        : failed(
            `the application can be reached past nginx: ${open.join(', ')}`,
            "Let it listen on 127.0.0.1 (app.listen(3000, '127.0.0.1')) or on a unix socket, or close the port in the firewall.",
          ),
    ];
  },
};

async function answers({ host, port }: { host: string; port: number }): Promise<boolean> {
  const socket = createConnection({ host, port });
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
