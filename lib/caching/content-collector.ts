/** Collects the content of one response, up to a limit. */
export class ContentCollector {
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(private readonly limit: number) {}

  /**
   * @param chunk is kept, so it must be a copy of any buffer that the application may use again
   * @returns whether there was room for it; if not, everything is dropped
   */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.limit) {
      this.#chunks = [];
      return false;
    }
    this.#chunks.push(chunk);
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
