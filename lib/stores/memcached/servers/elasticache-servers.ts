import { connect } from 'node:net';
import { connectOptions, type MemcachedServerSource } from '../memcached-address.js';
import { MemcachedError } from '../memcached-error.js';

/** How long the endpoint may take to answer, in milliseconds. */
const TIMEOUT = 5000;

/** The longest answer that is read, in bytes. A cluster may have 300 nodes, which take a tenth of it. */
const MAX_ANSWER = 1_000_000;

/**
 * Finds the nodes of an ElastiCache cluster, for `memcachedStore()`. Its configuration endpoint lists them (`config get cluster`).
 *
 * @param endpoint the configuration endpoint, `'host:port'`
 * @returns a function for the option `servers`; it rejects if the endpoint does not answer
 * @throws {NginxCacheConfigError} when the address is invalid
 * @example
 * memcachedStore({ servers: elastiCacheServers('pages.x1y2z3.cfg.euc1.cache.amazonaws.com:11211') })
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/AutoDiscovery.AddingToYourClientLibrary.html
 *
 * @publicApi
 */
export function elastiCacheServers(endpoint: string): MemcachedServerSource {
  connectOptions(endpoint);
  return async () => {
    const nodes = nodesIn(await configuration(endpoint));
    if (nodes.length > 0) return nodes.toSorted();
    throw new MemcachedError(endpoint, 'config get cluster', 'the endpoint names no nodes');
  };
}

function configuration(endpoint: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(connectOptions(endpoint));
    let answer = '';
    const fail = (reason: string) => {
      socket.destroy();
      reject(new MemcachedError(endpoint, 'config get cluster', reason));
    };
    socket.setEncoding('latin1');
    socket.setTimeout(TIMEOUT, () => fail(`no answer within ${TIMEOUT} ms`));
    socket.on('error', (error) => fail(error.message || String((error as NodeJS.ErrnoException).code)));
    socket.on('close', () => fail('the server closed the connection'));
    socket.on('data', (text: string) => {
      answer += text;
      if (/^(?:CLIENT_|SERVER_)?ERROR/.test(answer) || answer.length > MAX_ANSWER) {
        fail(`the server answered ${JSON.stringify(answer.slice(0, 100))}`);
      } else if (answer.endsWith('END\r\n')) {
        resolve(answer);
        socket.destroy();
      }
    });
    socket.write('config get cluster\r\n');
  });
}

/** Reads the line after the version: `host|ip|port`, separated by spaces. The address within the network may be missing. */
function nodesIn(answer: string): string[] {
  const [, , nodes = ''] = answer.split(/\r?\n/);
  return [...nodes.matchAll(/(\S*)\|(\S*)\|(\d+)/g)].map(([, host = '', ip = '', port = '']) => {
    if (ip.includes(':')) return `[${ip}]:${port}`;
    return `${ip || host}:${port}`;
  });
}
