/**
 * A response as it came over the wire.
 *
 * @publicApi
 */
export interface RawResponse {
  /** The status code. */
  status: number;
  /** The header fields in the order of the wire, with their names as they were written, one byte per character (latin1). */
  headers: [name: string, value: string][];
  /** The content without the chunked framing, but with its content coding. */
  body: Buffer;
  /** Everything from the status line to the last byte. */
  raw: Buffer;
}

interface Framing {
  /** Whether it answers a HEAD request. */
  toHead: boolean;
  /** Whether the connection has ended, so that nothing more can come. */
  closed: boolean;
}

/**
 * Reads the final response at the start of `received`, by the rules of RFC 9112, section 6.3.
 *
 * @returns undefined while it is incomplete; `reusable` says whether the connection may carry another request
 * @throws Error when it is not an HTTP/1 response
 */
export function readResponse(
  received: Buffer,
  framing: Framing,
): { response: RawResponse; reusable: boolean } | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, headEnd).split('\r\n');
  const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(statusLine) ?? [];
  if (!minor || !code) throw new Error(`not an HTTP/1 response: ${statusLine.slice(0, 200)}`);
  const status = Number(code);
  const bodyStart = headEnd + '\r\n\r\n'.length;
  if (status < 200 && status !== 101) return readResponse(received.subarray(bodyStart), framing);

  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string): string | undefined => headers.find(([n]) => n.toLowerCase() === name)?.[1];
  const rest = received.subarray(bodyStart);
  const length = header('content-length');
  const bodyless = framing.toHead || status === 101 || status === 204 || status === 304;
  const message = bodyless
    ? { body: Buffer.alloc(0), bytes: 0 }
    : /chunked$/i.test(header('transfer-encoding') ?? '')
      ? readChunks(rest)
      : readBytes(rest, length === undefined ? (framing.closed ? rest.length : Infinity) : Number(length));
  if (!message) return undefined;

  const end = bodyStart + message.bytes;
  const keepAlive = minor === '1' ? !/close/i.test(header('connection') ?? '') : false;
  return {
    response: { status, headers, body: message.body, raw: received.subarray(0, end) },
    // Bytes that nobody asked for would be taken for the next response.
    reusable: keepAlive && status !== 101 && end === received.length,
  };
}

interface Message {
  body: Buffer;
  /** How many bytes it took on the wire. */
  bytes: number;
}

function readBytes(bytes: Buffer, length: number): Message | undefined {
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), bytes: length };
}

function readChunks(bytes: Buffer): Message | undefined {
  const chunks: Buffer[] = [];
  for (let position = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd < 0) return undefined;
    const size = parseInt(bytes.toString('latin1', position, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('not a chunked body: the size of a chunk is not a number');
    position = lineEnd + '\r\n'.length;
    if (size === 0) {
      const end = trailersEnd(bytes, position);
      return end === undefined ? undefined : { body: Buffer.concat(chunks), bytes: end };
    }
    if (bytes.length < position + size + '\r\n'.length) return undefined;
    chunks.push(bytes.subarray(position, position + size));
    position += size + '\r\n'.length;
  }
}

/** Where the empty line after the trailer fields ends. */
function trailersEnd(bytes: Buffer, start: number): number | undefined {
  for (let position = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd < 0) return undefined;
    if (lineEnd === position) return lineEnd + '\r\n'.length;
    position = lineEnd + '\r\n'.length;
  }
}
