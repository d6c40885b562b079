import type { ServerResponse } from 'node:http';
import type { HeaderField } from '../http/fields.js';

/** The header of a response as it will leave: in order, in its own case, repeated fields one by one. */
export function sentFields(response: ServerResponse): HeaderField[] {
  // Node's types know it for requests only; HTTP/2 responses lack it, and have names in lower case anyway.
  const { getRawHeaderNames } = response as { getRawHeaderNames?: () => string[] };
  const names = getRawHeaderNames?.call(response) ?? response.getHeaderNames();
  return names.flatMap((name) => {
    const value = response.getHeader(name);
    const values = Array.isArray(value) ? value : [String(value)];
    return values.map((one): HeaderField => [name, String(one)]);
  });
}

/** Turns a field whose value is to be sent as UTF-8 into one that has the same bytes in latin1. */
export function utf8Field([name, value]: HeaderField): HeaderField {
  return /[\x80-\xff]/.test(value) ? [name, Buffer.from(value).toString('latin1')] : [name, value];
}
