import type { IncomingMessage } from 'node:http';
import type { CheckedOptions } from '../options/checked-options.js';
import { receivedFields } from '../page/received-request.js';

/** The hosts that a request names, with their ports. Frameworks take them for the host of the site. */
export function namedHosts(request: IncomingMessage): string[] {
  const headers = receivedFields(request);
  return [headers.host, headers['x-forwarded-host']]
    .flatMap((field) => String(field ?? '').split(','))
    .map((host) => host.trim())
    .filter((host) => host !== '');
}

/** Whether it is the host that the site says it has: links to that host are right for everybody. */
export function isOwnHost(host: string, { origin }: CheckedOptions): boolean {
  return origin !== undefined && new URL(origin).host === host.toLowerCase();
}
