import { STATUS_CODES } from 'node:http';
import { isHeaderField } from '../http/header-field.js';
import type { HeaderField } from '../http/fields.js';
import type { Page } from './page.js';
import type { PageFormat } from './page-format.js';
import { storedFields } from '../http/stored-fields.js';
import { hasTag, withTag } from '../http/validators.js';

/**
 * The longest header field line, in bytes. srcache copies each through a buffer of one memory page
 * (`srcache_header_buffer_size`); as a proxy, nginx takes no more than that for all of them (`proxy_buffer_size`).
 */
export const FIELD_MAX_LENGTH = 4000;

/** The longest status line with all field lines, in bytes. */
export const HEAD_MAX_LENGTH = 16_384;

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d) [\x20-\x7e]*$/;

const HEAD_END = '\r\n\r\n';
const CODING = 'Content-Encoding';

/**
 * The whole response as it would go over the wire: what srcache and the njs module read. Always with an `ETag`, so that nginx can answer
 * conditional requests.
 *
 * @see https://github.com/openresty/srcache-nginx-module#srcache_store
 */
export const responseFormat = {
  name: 'response',

  /** @throws RangeError for a header that nginx could not read back */
  encode(page) {
    const { status, body, contentEncoding } = page;
    const fields = withTag(storedFields(page.headers), body);
    const lines = (contentEncoding ? withCoding(fields, contentEncoding) : fields).map(fieldLine);
    const head = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`, 'latin1');
    if (head.length > HEAD_MAX_LENGTH) {
      throw new RangeError(`a header of ${head.length} bytes cannot be stored: the limit is ${HEAD_MAX_LENGTH}`);
    }
    return { bytes: Buffer.concat([head, body]), flags: 0 };
  },

  decode({ bytes, flags }) {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0 || flags !== 0) return undefined;
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const status = STATUS_LINE.exec(statusLine)?.[1];
    const fields = parsedFields(lines);
    if (!status || !fields) return undefined;
    return pageOf(Number(status), fields, bytes.subarray(end + HEAD_END.length));
  },
} satisfies PageFormat;

/** Adds the fields of a compressed page: its coding, and that other clients get another form. */
function withCoding(fields: readonly HeaderField[], coding: string): readonly HeaderField[] {
  const vary = fields.filter(([name]) => name.toLowerCase() === 'vary');
  const varies = vary.some(([, value]) => /(^|,)\s*(accept-encoding|\*)\s*(,|$)/i.test(value));
  // After the other fields of that name, and in the same case: njs sets all values of a field at once.
  const last = fields.lastIndexOf(vary.at(-1) ?? fields.at(-1)!) + 1;
  const made: HeaderField[] = varies ? [] : [[vary.at(-1)?.[0] ?? 'Vary', 'Accept-Encoding']];
  return [...fields.slice(0, last), ...made, ...fields.slice(last), [CODING, coding]];
}

function fieldLine(field: HeaderField): string {
  const [name, value] = field;
  if (!isHeaderField(field)) {
    throw new RangeError(`${JSON.stringify(`${name}: ${value}`)} is not a valid header field, so it cannot be stored`);
  }
  const line = `${name}: ${value}\r\n`;
  if (line.length > FIELD_MAX_LENGTH) {
    throw new RangeError(`a ${name} field of ${line.length} bytes cannot be stored: the limit is ${FIELD_MAX_LENGTH}`);
  }
  return line;
}

/** The inverse of `fieldLine`; `undefined` when a line is no field. */
function parsedFields(lines: readonly string[]): HeaderField[] | undefined {
  const fields: HeaderField[] = [];
  for (const line of lines) {
    const separator = line.indexOf(': ');
    const field: HeaderField = [line.slice(0, Math.max(0, separator)), line.slice(separator + 2)];
    if (!isHeaderField(field)) return undefined;
    fields.push(field);
  }
  return fields;
}

/** `undefined` when there is a field that `encode` never writes, or when one is missing that it always writes. */
function pageOf(status: number, fields: readonly HeaderField[], body: Buffer): Page | undefined {
  const codings = fields.filter(([name]) => name.toLowerCase() === CODING.toLowerCase());
  const headers = storedFields(fields);
  if (headers.length + codings.length !== fields.length || !hasTag(headers)) return undefined;
  if (codings.length === 0) return { status, headers, body };
  const isGzip = codings.length === 1 && codings[0]?.[1] === 'gzip' && body[0] === 0x1f && body[1] === 0x8b;
  return isGzip ? { status, headers, body, contentEncoding: 'gzip' } : undefined;
}
