import type { ServerResponse } from 'node:http';

/** What every page says, on a miss as on a hit. */
export interface ClientFields {
  readonly clientCacheControl: string | undefined;
  /** The request fields that the pages depend on. */
  readonly vary: readonly string[];
}

/**
 * Says what the page depends on, and how long clients may keep it (what the page itself says was for this cache).
 *
 * @returns whether that changes anything
 */
export function tellClients(response: ServerResponse, { clientCacheControl, vary }: ClientFields): boolean {
  const said = [response.getHeader('Vary') ?? []]
    .flat()
    .join()
    .toLowerCase()
    .split(/[\s,]+/);
  const unsaid = vary.filter((name) => !said.includes(name.toLowerCase()));
  if (unsaid.length > 0) response.appendHeader('Vary', unsaid.join(', '));
  if (clientCacheControl !== undefined) {
    response.setHeader('Cache-Control', clientCacheControl);
    response.removeHeader('Expires');
    response.removeHeader('Age');
  }
  return clientCacheControl !== undefined || unsaid.length > 0;
}
