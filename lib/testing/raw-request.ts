import { RawClient } from './raw-client.js';

/**
 * Sends one request byte for byte, on a connection of its own.
 *
 * @param target a TCP port of 127.0.0.1, or the path of a unix socket
 * @param request the whole request; a string is sent as latin1
 * @returns the final response as it came over the wire
 * @throws Error as `RawClient.send()`
 * @example
 * await rawRequest(nginx.port, 'GET /%61bout HTTP/1.1\r\nHost: example.com\r\n\r\n');
 *
 * @publicApi
 */
export async function rawRequest(target: number | string, request: Buffer | string): Promise<Buffer> {
  await using client = new RawClient(target);
  return (await client.send(request)).raw;
}
