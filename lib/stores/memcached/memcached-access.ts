import { isIP, type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import * as v from 'valibot';
import { strict } from '../../checks/checked.js';
import { connectOptions } from './memcached-address.js';

/**
 * How to connect to a memcached that was started with `-Z`.
 *
 * @publicApi
 */
export interface MemcachedTls {
  /**
   * The certificate authorities that may sign the certificate of the server, in PEM. Default: those that Node knows. nginx needs this
   * option.
   */
  readonly ca?: string | undefined;
  /** The name in the certificate of the server. Default: the host of the address, unless it is an IP address. */
  readonly servername?: string | undefined;
}

/**
 * User and password for a memcached that was started with `-Y`.
 *
 * @publicApi
 */
export interface MemcachedCredentials {
  /** The user name. */
  readonly username: string;
  /** The password. It must not contain spaces, because memcached splits at spaces. */
  readonly password: string;
}

/** How the servers are reached. */
export interface MemcachedAccess {
  readonly tls?: MemcachedTls | undefined;
  readonly credentials?: MemcachedCredentials | undefined;
}

const PEM = 'certificates in PEM';
const NAME = 'a name like "memcached.example.com"';
const USER = 'a word without spaces and colons';
const PASSWORD = 'a word without spaces';

export const tlsSchema = strict({
  ca: v.optional(v.pipe(v.string(PEM), v.includes('-----BEGIN CERTIFICATE-----', PEM))),
  servername: v.optional(v.pipe(v.string(NAME), v.regex(/^[\w.-]+$/, NAME))),
});

export const credentialsSchema = strict({
  username: v.pipe(v.string(USER), v.regex(/^[^\s:\p{Cc}]+$/u, USER)),
  password: v.pipe(v.string(PASSWORD), v.regex(/^[^\s\p{Cc}]+$/u, PASSWORD)),
});

/** The name that the certificate of a server must have; `undefined` when it is unknown. */
export function servernameOf(address: string, { servername }: MemcachedTls): string | undefined {
  const options = connectOptions(address);
  return servername ?? ('host' in options && isIP(options.host) === 0 ? options.host : undefined);
}

/** Opens a socket. What is written to the socket goes out once it is connected. */
export function openSocket(address: string, { tls }: MemcachedAccess): Socket {
  const options = connectOptions(address);
  if (!tls) return connect({ ...options, noDelay: true });
  const servername = servernameOf(address, tls);
  return connectTls({
    ...options,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(servername !== undefined && { servername }),
  });
}

/**
 * What asks a server for nothing but an answer: `MN`. The spaces are for memcached 1.6.45, which closes a connection without a word when it wants
 * credentials and the first line has fewer than six characters (`MIN_AUTH_REQ_LEN`, proto_text.c).
 */
export const NOOP = 'mn    \r\n';

/**
 * The first command on each connection: a `set` of any key, with the user and the password. The answer is `STORED`.
 *
 * @returns `undefined` when there are no credentials
 * @see https://github.com/memcached/memcached/blob/master/doc/protocol.txt section "Authentication"
 */
export function authentication({ credentials }: MemcachedAccess): string | undefined {
  if (!credentials) return undefined;
  const text = Buffer.from(`${credentials.username} ${credentials.password}`).toString('latin1');
  return `set auth 0 0 ${text.length}\r\n${text}\r\n`;
}
