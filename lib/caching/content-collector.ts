/** Collects the content of one response, up to a limit. */
export class ContentCollector {
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(private readonly limit: number) {}

  /** @returns whether there was room for it; when not, all is dropped */
  add(chunk: string | Uint8Array, encoding: BufferEncoding | undefined): boolean {
    // A copy: the application may use its buffer again.
    const copy = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    this.#bytes += copy.length;
    if (this.#bytes > this.limit) {
      this.#chunks = [];
      return false;
    }
    this.#chunks.push(copy);
    return true;
  }

  get bytes(): number {
    return this.#bytes;
  }

  drop(): void {
    this.#chunks = [];
  }

  take(): Buffer {
    const chunks = this.#chunks;
    this.drop();
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }
}
