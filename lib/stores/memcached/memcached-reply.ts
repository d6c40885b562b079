/** One reply of the meta protocol: `HD`, `VA 5 f0` with its value, `SERVER_ERROR out of memory`, … */
export interface MemcachedReply {
  readonly line: string;
  /** The first word of the line. */
  readonly code: string;
  /** Only with `VA`. */
  readonly value?: Buffer;
}

/** The longest line of a reply. memcached's own lines are far shorter, so a server with longer lines is no memcached. */
const LINE_MAX_LENGTH = 2048;

/**
 * Cuts what a server sends into replies (memcached doc/protocol.txt, "Meta Commands").
 * A value is found by its length, never by what it contains.
 */
export class MemcachedReplyParser {
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many bytes must be there before it is worth parsing again. */
  #wanted = 1;

  /** @throws Error when the bytes cannot be a reply */
  push(chunk: Buffer): MemcachedReply[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return [];

    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const replies: MemcachedReply[] = [];
    let at = 0;
    for (;;) {
      const end = bytes.indexOf('\r\n', at, 'latin1');
      if ((end < 0 ? bytes.length : end) - at > LINE_MAX_LENGTH) throw new Error('a line too long for a reply');
      this.#wanted = bytes.length - at + 1;
      if (end < 0) break;

      const line = bytes.toString('latin1', at, end);
      const code = line.split(' ', 1)[0]!;
      let next = end + 2;
      if (code !== 'VA') {
        replies.push({ line, code });
      } else {
        const size = /^VA (\d{1,10})(?: |$)/.exec(line)?.[1];
        if (size === undefined) throw new Error(`a value without a length: ${JSON.stringify(line)}`);
        const stop = next + Number(size);
        if (bytes.length < stop + 2) {
          this.#wanted = stop + 2 - at;
          break;
        }
        if (bytes[stop] !== 0x0d || bytes[stop + 1] !== 0x0a) throw new Error('a value longer than announced');
        replies.push({ line, code, value: bytes.subarray(next, stop) });
        next = stop + 2;
      }
      at = next;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#length = bytes.length - at;
    return replies;
  }
}
