import type { Socket } from 'node:net';
import { types } from 'node:util';
import type { RequestInputs } from './request-inputs.js';

const OPEN = Symbol('nestjs-nginx-cache: open requests');
type Observed = Socket & { [OPEN]?: RequestInputs[] };

/** The properties by which a socket tells about the peer, with the input that each of them is. */
const PROPERTIES: Readonly<Record<string, string>> = {
  remoteAddress: ':remote-address',
  remotePort: ':remote-address',
  remoteFamily: ':remote-address',
  authorized: ':client-certificate',
  authorizationError: ':client-certificate',
  getPeerCertificate: ':client-certificate',
  getPeerX509Certificate: ':client-certificate',
  servername: ':tls',
  getCipher: ':tls',
  getProtocol: ':tls',
  alpnProtocol: ':tls',
};

/** What the PROXY protocol tells about the peer. */
const OF_PROXY = ['remoteAddress', 'remotePort'];

/** The getters that are put on sockets here. */
const getters = new WeakSet<object>();

/** Watches what is read from a connection. It must be called with the socket itself: requests of HTTP/2 have another object in its place. */
export function watchConnection(socket: Socket): void {
  const watched = socket as Observed;
  if (watched[OPEN]) return;
  watched[OPEN] = [];
  for (const [name, input] of Object.entries(PROPERTIES)) if (name in socket) define(watched, name, input);
}

/**
 * Notes what is read from a connection while a request on it is being answered. With pipelining and HTTP/2 there may be several such requests, and
 * nobody knows for which one something is read, so it counts for all.
 *
 * @returns `false` when reads of the connection cannot be seen
 */
export function observeConnection(socket: Socket, inputs: RequestInputs): boolean {
  const watched = socket as Observed;
  if (!types.isProxy(socket)) watchConnection(socket);
  const open = watched[OPEN];
  if (!open) return false;
  for (const name of OF_PROXY) {
    // A library for the PROXY protocol has put the visitor's address in the place of the proxy's.
    const property = Reflect.getOwnPropertyDescriptor(socket, name);
    if (!property || (property.get && getters.has(property.get))) continue;
    if (!property.configurable) return false;
    define(watched, name, PROPERTIES[name]!);
  }
  // Usually requests come one after the other.
  if (open.length === 1 && open[0]!.isOver) open[0] = inputs;
  else watched[OPEN] = [...open.filter(({ isOver }) => !isOver), inputs];
  return true;
}

function define(socket: Observed, name: string, input: string): void {
  let own = Object.getOwnPropertyDescriptor(socket, name);
  const prototype = Object.getPrototypeOf(socket) as object;
  const get = function get(): unknown {
    for (const inputs of socket[OPEN] ?? []) inputs.read(input, get);
    if (!own) return Reflect.get(prototype, name, socket);
    return 'value' in own ? own.value : (own.get?.call(socket) as unknown);
  };
  getters.add(get);
  Object.defineProperty(socket, name, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    get,
    set(value: unknown) {
      own = { value };
    },
  });
}
