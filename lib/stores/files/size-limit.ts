import type { PageFiles } from './page-files.js';

/** Other processes write as well: after so much of the limit is looked again at what there really is. */
const LOOK_AGAIN = 0.05;
/** So much of the limit is left after a clean-up. */
const LEFT = 0.9;

/** Keeps the pages of a site within a number of bytes; the least recently used go first. */
export class SizeLimit {
  /** Written since the last look; the first page is a reason to look. */
  #written = Infinity;
  #looking: Promise<void> | undefined;

  /** @param evict removes a page, and what is known of it */
  constructor(
    private readonly files: PageFiles,
    private readonly maxBytes: number,
    private readonly evict: (file: string) => Promise<void>,
  ) {}

  async wrote(bytes: number): Promise<void> {
    this.#written += bytes;
    if (this.#written < this.maxBytes * LOOK_AGAIN) return;
    this.#looking ??= this.look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  private async look(): Promise<void> {
    this.#written = 0;
    const pages = [];
    let total = 0;
    for await (const page of this.files.list()) {
      const usage = await this.files.usage(page.tree, page.file);
      total += usage.bytes;
      pages.push({ ...page, ...usage });
    }
    if (total <= this.maxBytes) return;
    pages.sort((a, b) => a.used - b.used);
    for (const { file, bytes } of pages) {
      if (total <= this.maxBytes * LEFT) break;
      await this.evict(file);
      total -= bytes;
    }
  }
}
