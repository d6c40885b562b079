import { MemcachedClient, type MemcachedClientOptions } from '../../../lib/stores/memcached/memcached-client.js';
import type {
  MemcachedClientDefinition,
  MemcachedMetaClient,
} from '../../../lib/stores/memcached/memcached-client.interface.js';

/** One operation of a client, e.g. `compareAndSet page:/`. */
export type Step = `${string} ${string}`;

/** A client that waits before each operation. What is asked for first is carried out first all the same. */
export function steppedClient(client: MemcachedClient, before: (step: Step) => Promise<unknown>): MemcachedMetaClient {
  let last: Promise<unknown> = Promise.resolve();
  return new Proxy(client, {
    get: (target, name: keyof MemcachedClient) => {
      if (name === 'losses') return target.losses;
      const operation = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (name === 'keys' || name === 'close') return operation;
      return (...args: unknown[]) => {
        const turn = last.then(() => before(`${name} ${String(args[0])}`));
        last = turn;
        return turn.then(() => operation(...args));
      };
    },
  });
}

/** @param options a busy machine must not fail what is not about deadlines */
export function steppedServer(
  address: string,
  before: (step: Step) => Promise<unknown>,
  options: MemcachedClientOptions = { getTimeout: 10_000, writeTimeout: 10_000 },
): { client: MemcachedClientDefinition } {
  const open = () => steppedClient(new MemcachedClient(address, options), before);
  return { client: { servers: [{ address, weight: 1 }], open } };
}
