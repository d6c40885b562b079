import type { ServerResponse } from 'node:http';
import type { HeaderField } from '../page/page.js';

/** The header of a response as it will leave: in order, in its own case, repeated fields one by one. */
export function fieldsOf(response: ServerResponse): HeaderField[] {
  // Node's types know it for requests only; HTTP/2 responses lack it, and have names in lower case anyway.
  const { getRawHeaderNames } = response as { getRawHeaderNames?: () => string[] };
  const names = getRawHeaderNames?.call(response) ?? response.getHeaderNames();
  return names.flatMap((name) => {
    const value = response.getHeader(name);
    const values = Array.isArray(value) ? value : [String(value)];
    return values.map((one): HeaderField => [name, one]);
  });
}
