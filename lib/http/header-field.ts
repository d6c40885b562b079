import type { HeaderField } from './fields.js';

/** RFC 9110, sections 5.6.2 and 5.5, in latin1: one UTF-16 unit a byte. No CR, LF or NUL. */
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a field can be sent as a line of a header. */
export function isHeaderField([name, value]: HeaderField): boolean {
  return NAME.test(name) && VALUE.test(value);
}
